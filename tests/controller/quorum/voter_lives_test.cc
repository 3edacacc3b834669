// A voter whose disk is an older copy of itself (S59): what others remember of it, and what happens
// with real logs and vote files on simulated disks.
#include "controller/quorum/voter_lives.h"

#include "tests/controller/quorum/voters.h"

namespace soliton::controller {
namespace {

const Voter kWho{2, Uuid{7, 2}};
Uuid Process(uint64_t number) { return {9, number}; }

TEST(VoterLivesTest, ANewProcessBeginsANewLife) {
  VoterLives lives;
  EXPECT_TRUE(lives.Check(kWho, {1, {Process(1), 1}}).ok()) << "nothing is known of it";
  EXPECT_TRUE(lives.Hear(kWho.directory_id, {Process(1), 1}));
  EXPECT_FALSE(lives.Hear(kWho.directory_id, {Process(1), 4}));
  EXPECT_TRUE(lives.Check(kWho, {1, {Process(1), 4}}).ok()) << "it connects again";
  EXPECT_TRUE(lives.Check(kWho, {5, {Process(2), 5}}).ok()) << "it was started again";
  EXPECT_TRUE(lives.Hear(kWho.directory_id, {Process(2), 5}));
}

TEST(VoterLivesTest, AnOlderDiskIsNoticed) {
  VoterLives lives;
  lives.Hear(kWho.directory_id, {Process(1), 4});
  const absl::Status older = lives.Check(kWho, {4, {Process(2), 4}});
  EXPECT_EQ(older.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(older.message().find("let it join as a new one"), std::string::npos) << older;
  // It may have gone on for a while without being asked.
  EXPECT_FALSE(lives.Check(kWho, {3, {Process(2), 9}}).ok());
  // A machine that was copied while it ran: the same process, in an older state.
  EXPECT_FALSE(lives.Check(kWho, {1, {Process(1), 3}}).ok());
  // Another disk, or a release that does not count.
  EXPECT_TRUE(lives.Check({2, Uuid{7, 3}}, {1, {Process(2), 1}}).ok());
  EXPECT_TRUE(lives.Check(kWho, {0, {Process(2), 0}}).ok());
}

TEST(VoterLivesTest, ACopyThatWasStartedOftenIsNoticed) {
  VoterLives lives;
  lives.Hear(kWho.directory_id, {Process(2), 4});
  // Life 4 was of the process 2: the disk that was heard of remembers that.
  const VoterLife now{Process(9), 7};
  EXPECT_TRUE(
      lives.Check(kWho, {7, now, {{Process(1), 1}, {Process(2), 3}, {Process(3), 5}}}).ok());
  EXPECT_TRUE(lives.Check(kWho, {7, now, {{Process(2), 4}}}).ok());
  const absl::Status older =
      lives.Check(kWho, {7, now, {{Process(1), 1}, {Process(5), 3}, {Process(6), 5}}});
  EXPECT_EQ(older.code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(lives.Check(kWho, {7, now, {{Process(1), 1}, {Process(6), 5}}}).ok());
  // Nothing is known of then: it was started very often since, or by a release that did not count.
  EXPECT_TRUE(lives.Check(kWho, {7, now, {{Process(6), 5}}}).ok());
  EXPECT_TRUE(lives.Check(kWho, {7, now, {}}).ok());
}

TEST(VoterLivesTest, WhatIsHeardLateTakesNothingBack) {
  VoterLives lives;
  lives.Hear(kWho.directory_id, {Process(1), 4});
  lives.Hear(kWho.directory_id, {Process(1), 2});
  EXPECT_EQ(lives.known().at(kWho.directory_id), (VoterLife{Process(1), 4}));
  EXPECT_FALSE(lives.Hear(kWho.directory_id, {Process(3), 0}));
  lives.Forget([](const Uuid& id) { return id == kWho.directory_id; });
  EXPECT_TRUE(lives.known().empty());
}

class OlderDiskTest : public testing::Test {
 protected:
  void Begin(uint64_t seed) {
    voters_ = std::make_unique<Voters>(seed, 3, QuorumOptions{}, seed % 2 == 0 ? 0 : 1000);
    voters_->Start();
    ASSERT_TRUE(voters_->AwaitLeader(seconds(3)));
    ASSERT_TRUE(voters_->GoFarOn(5));
    back_ = voters_->Leader() % 3 + 1;
    voters_->world().RunFor(milliseconds(100));
  }
  sim::SimNode& node() { return voters_->node(back_); }
  bool GaveUp() {
    return voters_->process(back_) != nullptr &&
           absl::IsDataLoss(voters_->process(back_)->failure());
  }
  // The copy is put back; the others are there and tell it.
  void PutBack(const sim::SimNamespace& copy) {
    if (node().alive()) node().Crash();
    node().files().Restore(copy);
    node().Restart();
    EXPECT_TRUE(voters_->world().RunUntil([&] { return GaveUp(); }, seconds(3)));
    // What it still says reaches nobody: one of the others is left, and does not lead.
    const int64_t before = voters_->history().end_offset();
    ASSERT_TRUE(voters_->AwaitLeader(seconds(3)));
    const int leader = voters_->Leader();
    voters_->node(leader).Crash();
    voters_->world().RunFor(seconds(3));
    EXPECT_EQ(voters_->Leader(), 0);
    voters_->node(leader).Restart();
    ASSERT_TRUE(voters_->AwaitLeader(seconds(3)));
    ASSERT_TRUE(voters_->GoFarOn(3));
    EXPECT_GT(voters_->history().end_offset(), before);
  }

  // As a supervisor does it.
  void StartAgain(int times, Duration lives_for) {
    for (int i = 0; i < times; ++i) {
      if (node().alive()) node().Crash({.lose_unsynced = i % 2 == 0});
      node().Restart();
      voters_->world().RunFor(lives_for);
    }
  }

  std::unique_ptr<Voters> voters_;
  int back_ = 0;
};

TEST_F(OlderDiskTest, ACopyFromBeforeTheLastStart) {
  for (uint64_t seed = 500; seed < 510; ++seed) {
    Begin(seed);
    const sim::SimNamespace copy = node().files().Copy();
    node().Crash();
    node().Restart();
    ASSERT_TRUE(voters_->GoOn(seconds(5))) << voters_->Complaint();
    PutBack(copy);
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST_F(OlderDiskTest, ACopyThatWasMadeWhileItRan) {
  for (uint64_t seed = 510; seed < 520; ++seed) {
    Begin(seed);
    const sim::SimNamespace copy = node().files().Copy();
    voters_->world().RunFor(seconds(6));
    ASSERT_TRUE(voters_->GoFarOn(3));
    PutBack(copy);
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST_F(OlderDiskTest, ACopyFromBeforeItsVote) {
  Begin(520);
  const sim::SimNamespace copy = node().files().Copy();
  const int old = voters_->Leader();
  voters_->node(old).Crash();
  ASSERT_TRUE(voters_->AwaitLeader(seconds(3)));
  voters_->node(old).Restart();
  ASSERT_TRUE(voters_->GoOn(seconds(5))) << voters_->Complaint();
  PutBack(copy);
}

TEST_F(OlderDiskTest, TheWitnessesRememberThroughARestart) {
  Begin(521);
  const sim::SimNamespace copy = node().files().Copy();
  node().Crash();
  node().Restart();
  ASSERT_TRUE(voters_->GoOn(seconds(5))) << voters_->Complaint();
  for (int id = 1; id <= 3; ++id) voters_->node(id).Crash();
  for (int id = 1; id <= 3; ++id) {
    if (id != back_) voters_->node(id).Restart();
  }
  ASSERT_TRUE(voters_->AwaitLeader(seconds(3)));
  PutBack(copy);
}

TEST_F(OlderDiskTest, HoweverOftenItIsStarted) {
  Begin(524);
  const sim::SimNamespace copy = node().files().Copy();
  StartAgain(3, milliseconds(200));
  ASSERT_TRUE(voters_->GoOn(seconds(5))) << voters_->Complaint();
  PutBack(copy);
  for (int i = 0; i < 50; ++i) {
    StartAgain(1, milliseconds(300));
    ASSERT_TRUE(GaveUp()) << "start " << i;
  }
  ASSERT_TRUE(voters_->GoFarOn(3));
}

TEST_F(OlderDiskTest, AlsoWhenItWasStartedOftenBeforeItMetAnybody) {
  for (uint64_t seed = 525; seed < 530; ++seed) {
    Begin(seed);
    const sim::SimNamespace copy = node().files().Copy();
    StartAgain(3, milliseconds(200));
    ASSERT_TRUE(voters_->GoOn(seconds(5))) << voters_->Complaint();
    node().Crash();
    node().files().Restore(copy);
    for (int id = 1; id <= 3; ++id) {
      if (id != back_) voters_->network().Cut(node().id(), voters_->node(id).id());
    }
    StartAgain(20, milliseconds(50));
    EXPECT_FALSE(GaveUp());
    voters_->network().HealAll();
    EXPECT_TRUE(voters_->world().RunUntil([&] { return GaveUp(); }, seconds(5))) << seed;
    ASSERT_TRUE(voters_->GoFarOn(3));
  }
}

// Restarts, crashes and broken connections as they come are no older disks.
TEST_F(OlderDiskTest, WhoWasOnlyAwayIsTakenBack) {
  Begin(522);
  for (int round = 0; round < 30; ++round) {
    const int id = round % 3 + 1;
    voters_->node(id).Crash({.lose_unsynced = round % 2 == 0});
    if (round % 5 == 0) ASSERT_TRUE(voters_->GoFarOn(2));
    voters_->node(id).Restart();
    if (round % 4 == 0) {
      voters_->network().ResetConnections(voters_->node(id).id(), voters_->node(id % 3 + 1).id());
    }
    ASSERT_TRUE(voters_->GoOn(seconds(10))) << round << ": " << voters_->Complaint();
  }
  EXPECT_EQ(voters_->Complaint(), "");
}

TEST_F(OlderDiskTest, ItComesBackAsANewOne) {
  Begin(523);
  const sim::SimNamespace copy = node().files().Copy();
  node().Crash();
  node().Restart();
  ASSERT_TRUE(voters_->GoOn(seconds(5))) << voters_->Complaint();
  PutBack(copy);
  const Voter before = voters_->process(back_)->replica().core().self();
  node().Crash();
  voters_->ReplaceDisk(back_);
  node().Restart();
  ASSERT_TRUE(voters_->GoOn(seconds(5))) << voters_->Complaint();
  ASSERT_TRUE(voters_->ChangeVoters([&](std::vector<Voter> now) {
    std::erase(now, before);
    return now;
  }));
  const Voter after = voters_->process(back_)->replica().core().self();
  ASSERT_TRUE(voters_->ChangeVoters([&](std::vector<Voter> now) {
    now.push_back(after);
    return now;
  }));
  voters_->node(voters_->Leader() == back_ ? back_ % 3 + 1 : voters_->Leader()).Crash();
  ASSERT_TRUE(voters_->GoFarOn(3)) << "its vote counts";
  EXPECT_EQ(voters_->Complaint(), "");
}

// One disk is put back in the middle of crashes, stopped processes and cuts; the others go on, and
// what was committed stays.
TEST(OlderDiskFaultsTest, NothingCommittedIsLost) {
  int noticed = 0;
  for (uint64_t seed = 600; seed < 640; ++seed) {
    Voters voters(seed, seed % 4 == 0 ? 5 : 3,
                  {.heartbeat_interval = milliseconds(10), .election_timeout = milliseconds(80)},
                  seed % 3 == 0 ? 0 : 1000);
    Random random(seed);
    const int back = static_cast<int>(random.Between(1, voters.size()));
    voters.Start();
    ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
    const auto disturb = [&](int steps, bool spare_back) {
      for (int step = 0; step < steps && voters.Complaint().empty(); ++step) {
        voters.world().RunFor(milliseconds(random.Between(1, 60)));
        const int id = static_cast<int>(random.Between(1, voters.size()));
        const int other = static_cast<int>(random.Between(1, voters.size()));
        if (voters.Leader() != 0) voters.Append(voters.Leader());
        if (spare_back && id == back) continue;
        sim::SimNode& node = voters.node(id);
        switch (random.Below(16)) {
          case 0:
            if (node.alive()) node.Crash({.lose_unsynced = random.Chance(1, 2)});
            break;
          case 1:
          case 2:
            if (!node.alive()) node.Restart();
            break;
          case 3:
            if (node.alive()) random.Chance(1, 2) ? node.Pause() : node.Resume();
            break;
          case 4:
            if (id != other) voters.network().CutOneWay(node.id(), voters.node(other).id());
            break;
          case 5:
            voters.network().HealAll();
            break;
          default:
            break;
        }
      }
    };
    // All are there, and know of each other.
    const auto heal = [&] {
      voters.network().HealAll();
      for (int id = 1; id <= voters.size(); ++id) {
        if (voters.node(id).alive() && voters.node(id).paused()) voters.node(id).Resume();
        if (!voters.node(id).alive()) voters.node(id).Restart();
      }
      ASSERT_TRUE(voters.GoOn(seconds(60))) << "seed " << seed << ": " << voters.Complaint();
    };
    disturb(100, false);
    heal();
    const sim::SimNamespace copy = voters.node(back).files().Copy();
    disturb(100, false);
    heal();
    voters.world().RunFor(seconds(6));
    ASSERT_TRUE(voters.GoFarOn(3)) << seed;
    voters.world().RunFor(milliseconds(200));
    voters.node(back).Crash();
    voters.node(back).files().Restore(copy);
    voters.node(back).Restart();
    ASSERT_TRUE(voters.world().RunUntil(
        [&] { return absl::IsDataLoss(voters.process(back)->failure()); }, seconds(5)))
        << "seed " << seed;
    ++noticed;
    voters.node(back).Crash();
    disturb(100, true);
    voters.ReplaceDisk(back);
    heal();
    ASSERT_EQ(voters.Complaint(), "") << "seed " << seed;
  }
  EXPECT_EQ(noticed, 40);
}

}  // namespace
}  // namespace soliton::controller

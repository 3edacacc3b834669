// Voters with logs and vote files on simulated disks, over a simulated network.
#include "controller/quorum/quorum_replica.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <cstdlib>

#include "controller/quorum/vote_file.h"
#include "runtime/obs/logging.h"
#include "tests/controller/quorum/voters.h"

namespace soliton::controller {
namespace {

TEST(QuorumReplicaTest, OneVoterLeadsByItself) {
  Voters voters(1, 1);
  voters.Start();
  ASSERT_TRUE(voters.AwaitLeader(milliseconds(100)));
  ASSERT_TRUE(voters.GoOn(seconds(1)));
  voters.node(1).Crash();
  voters.node(1).Restart();
  ASSERT_TRUE(voters.GoOn(seconds(1)));
  EXPECT_EQ(voters.Complaint(), "");
}

TEST(QuorumReplicaTest, AKilledLeaderIsReplacedWithoutWaitingForATimeout) {
  for (uint64_t seed = 200; seed < 230; ++seed) {
    Voters voters(seed, seed % 2 == 0 ? 3 : 5);
    voters.Start();
    ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
    ASSERT_TRUE(voters.GoOn(seconds(2)));
    for (int round = 0; round < 5; ++round) {
      const int killed = voters.Leader();
      voters.node(killed).Crash();
      const MonotonicTime begin = voters.world().Now();
      ASSERT_TRUE(voters.AwaitLeader(seconds(5))) << seed << " " << round;
      EXPECT_LT(voters.world().Now() - begin, milliseconds(250)) << seed << " " << round;
      voters.node(killed).Restart();
      ASSERT_TRUE(voters.GoOn(seconds(5))) << seed << " " << round << voters.Complaint();
    }
    EXPECT_EQ(voters.Complaint(), "") << seed;
  }
}

TEST(QuorumReplicaTest, AStoppedLeaderAcknowledgesNothingWhenItWakesUp) {
  Voters voters(3, 3);
  voters.Start();
  ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
  ASSERT_TRUE(voters.GoOn(seconds(2)));
  const int stopped = voters.Leader();
  const int64_t acknowledged = voters.process(stopped)->acknowledged();
  voters.Append(stopped);
  voters.node(stopped).Pause();
  ASSERT_TRUE(voters.AwaitLeader(seconds(5)));
  const int leads = voters.Leader();
  voters.Append(leads);
  voters.world().RunFor(seconds(1));
  voters.node(stopped).Resume();
  ASSERT_TRUE(voters.GoOn(seconds(5))) << voters.Complaint();
  EXPECT_EQ(voters.process(stopped)->deposed(), 1);
  EXPECT_EQ(voters.process(stopped)->acknowledged(), acknowledged);
  EXPECT_EQ(voters.Complaint(), "");
}

TEST(QuorumReplicaTest, AVoteLeavesWhenItIsOnDisk) {
  Voters voters(8, 3);
  voters.Start();
  ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
  ASSERT_TRUE(voters.GoOn(seconds(2)));
  const int killed = voters.Leader();
  const int slow = killed % 3 + 1;
  const int other = slow % 3 + 1;
  voters.node(slow).StallDisk(seconds(3));
  voters.node(killed).Crash();
  const auto elected = [&] {
    return voters.process(other)->replica().core().is_leader() ||
           voters.process(slow)->replica().core().is_leader();
  };
  EXPECT_FALSE(voters.world().RunUntil(elected, milliseconds(2500)))
      << "by a vote that a power loss would take back";
  EXPECT_TRUE(voters.world().RunUntil(elected, seconds(5)));
  EXPECT_EQ(voters.Complaint(), "");
}

TEST(QuorumReplicaTest, LeadershipIsHandedOver) {
  Voters voters(4, 3);
  voters.Start();
  ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
  ASSERT_TRUE(voters.GoOn(seconds(2)));
  const int before = voters.Leader();
  voters.node(before).Post([process = voters.process(before)] { process->Transfer(); });
  const MonotonicTime begin = voters.world().Now();
  ASSERT_TRUE(voters.world().RunUntil(
      [&] { return voters.Leader() != 0 && voters.Leader() != before; }, seconds(2)));
  EXPECT_LT(voters.world().Now() - begin, milliseconds(50));
  EXPECT_TRUE(voters.GoOn(seconds(2)));
  EXPECT_EQ(voters.Complaint(), "");
}

TEST(QuorumReplicaTest, ALostVoteFileIsNotMadeAnew) {
  Voters voters(5, 3);
  voters.Start();
  ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
  ASSERT_TRUE(voters.GoOn(seconds(2)));
  voters.node(2).Crash();
  const std::string path = "meta/__cluster_metadata-0/quorum-vote";
  ASSERT_TRUE(voters.node(2).files().Remove(path).ok());
  voters.node(2).Restart();
  voters.world().RunFor(seconds(1));
  EXPECT_FALSE(voters.process(2)->running());
  EXPECT_NE(voters.process(2)->failure().message().find("forgotten whom it voted for"),
            std::string::npos)
      << voters.process(2)->failure();
  // Nor when the log is gone with it.
  voters.node(2).Crash();
  const std::string log = "meta/__cluster_metadata-0";
  const auto entries = voters.node(2).files().List(log);
  ASSERT_TRUE(entries.ok());
  for (const DirectoryEntry& entry : *entries) {
    ASSERT_TRUE(voters.node(2).files().Remove(JoinPath(log, entry.name)).ok());
  }
  voters.node(2).Restart();
  voters.world().RunFor(seconds(1));
  EXPECT_FALSE(voters.process(2)->running());
  // Nor is a damaged one believed.
  voters.node(2).Crash();
  ASSERT_TRUE(WriteFileAtomically(voters.node(2).files(), path,
                                  EncodeVote({.vote = {.epoch = 9}, .life = 1}) + "x")
                  .ok());
  voters.node(2).Restart();
  voters.world().RunFor(seconds(1));
  EXPECT_EQ(voters.process(2)->failure().code(), absl::StatusCode::kDataLoss);
}

// A cluster begins when all its voters are there for the first time, and not before: one of them
// might have been part of another one.
TEST(QuorumReplicaTest, AClusterBeginsWithAllItsVoters) {
  Voters voters(6, 3);
  voters.node(1).Restart();
  voters.node(2).Restart();
  EXPECT_FALSE(voters.AwaitLeader(seconds(5)));
  voters.node(3).Restart();
  ASSERT_TRUE(voters.AwaitLeader(milliseconds(1500)));
  ASSERT_TRUE(voters.GoOn(seconds(2)));
  EXPECT_EQ(voters.process(3)->replica().core().voters(),
            VoterSet({Voters::Id(1), Voters::Id(2), Voters::Id(3)}));
  EXPECT_EQ(voters.Complaint(), "");
}

// S29: with a new disk it has forgotten what it promised. It neither votes nor counts, nor makes a
// cluster of its own with others in the same state.
TEST(QuorumReplicaTest, AVoterWithANewDiskDoesNotVote) {
  Voters voters(7, 3);
  voters.Start();
  ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
  ASSERT_TRUE(voters.GoOn(seconds(2)));
  const int leader = voters.Leader();
  const int second = leader % 3 + 1;
  const int third = second % 3 + 1;
  for (const int id : {second, third}) {
    voters.node(id).Crash();
    voters.ReplaceDisk(id);
    voters.node(id).Restart();
  }
  voters.world().RunFor(seconds(5));
  EXPECT_EQ(voters.Leader(), 0) << "the majority has forgotten everything";
  EXPECT_LE(voters.process(second)->told_end(), voters.history().end_offset());
  voters.node(leader).Crash();
  EXPECT_FALSE(voters.AwaitLeader(seconds(5)));
  EXPECT_TRUE(voters.process(second)->running());
  voters.node(leader).Restart();
  EXPECT_FALSE(voters.AwaitLeader(seconds(5)));
  EXPECT_EQ(voters.Complaint(), "");
}

// Whoever comes and does not vote is told everything; then it may vote.
TEST(QuorumReplicaTest, AVoterWithANewDiskIsAdmittedAgain) {
  for (uint64_t seed = 300; seed < 320; ++seed) {
    Voters voters(seed, 3, {}, seed % 2 == 0 ? 0 : 500);
    voters.Start();
    ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
    ASSERT_TRUE(voters.GoFarOn(20));
    const int anew = voters.Leader() % 3 + 1;
    const Voter before = voters.process(anew)->replica().core().self();
    voters.node(anew).Crash();
    voters.ReplaceDisk(anew);
    voters.node(anew).Restart();
    ASSERT_TRUE(voters.GoOn(seconds(5))) << seed << ": it follows " << voters.Complaint();
    const auto change = [&](const std::function<std::vector<Voter>(std::vector<Voter>)>& to) {
      return voters.ChangeVoters(to);
    };
    ASSERT_TRUE(change([&](std::vector<Voter> now) {
      std::erase(now, before);
      return now;
    })) << seed;
    const Voter after = voters.process(anew)->replica().core().self();
    ASSERT_NE(after, before);
    ASSERT_TRUE(change([&](std::vector<Voter> now) {
      now.push_back(after);
      return now;
    })) << seed;
    ASSERT_TRUE(voters.GoOn(seconds(5))) << seed << voters.Complaint();
    // Its vote and its log count: with one of the others gone it goes on.
    voters.node(voters.Leader() == anew ? anew % 3 + 1 : voters.Leader()).Crash();
    ASSERT_TRUE(voters.GoFarOn(5)) << seed;
    EXPECT_EQ(voters.Complaint(), "") << seed;
  }
}

// Snapshots are taken, the log before them goes, and restarts begin with them.
TEST(QuorumReplicaTest, SnapshotsReplaceTheLog) {
  Voters voters(9, 3, {}, 1000);
  voters.Start();
  ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
  ASSERT_TRUE(voters.GoFarOn(100));
  ASSERT_TRUE(voters.GoOn(seconds(2)));
  for (int id = 1; id <= 3; ++id) {
    EXPECT_GT(voters.LogStart(id), 50) << id;
    const auto entries = voters.node(id).files().List("meta/__cluster_metadata-0");
    ASSERT_TRUE(entries.ok());
    int snapshots = 0;
    for (const DirectoryEntry& entry : *entries) {
      snapshots += entry.name.ends_with(".checkpoint") ? 1 : 0;
    }
    EXPECT_EQ(snapshots, 1) << id;
    EXPECT_FALSE(
        voters.node(id).files().Exists("meta/__cluster_metadata-0/00000000000000000000.log"));
  }
  for (int id = 1; id <= 3; ++id) voters.node(id).Crash();
  for (int id = 1; id <= 3; ++id) voters.node(id).Restart();
  ASSERT_TRUE(voters.GoOn(seconds(5))) << voters.Complaint();
  for (int id = 1; id <= 3; ++id) EXPECT_EQ(voters.process(id)->snapshots(), 1);
  EXPECT_EQ(voters.Complaint(), "");
}

TEST(QuorumReplicaTest, WhoLacksWhatIsGoneGetsASnapshot) {
  Voters voters(10, 3, {}, 1000);
  voters.Start();
  ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
  ASSERT_TRUE(voters.GoOn(seconds(2)));
  const int away = voters.Leader() % 3 + 1;
  voters.node(away).Crash();
  const int64_t had = voters.history().end_offset();
  ASSERT_TRUE(voters.GoFarOn(100));
  voters.world().RunFor(seconds(1));
  ASSERT_GT(voters.LogStart(voters.Leader()), had);
  voters.node(away).Restart();
  ASSERT_TRUE(voters.GoOn(seconds(5))) << voters.Complaint();
  EXPECT_EQ(voters.process(away)->snapshots(), 1);
  // What it has now counts, and outlives a loss of power.
  const int other = 6 - away - voters.Leader();
  voters.node(other).Crash();
  const int64_t before = voters.history().end_offset();
  ASSERT_TRUE(voters.GoFarOn(1));
  EXPECT_GT(voters.history().end_offset(), before);
  voters.node(away).Crash();
  voters.node(away).Restart();
  voters.node(other).Restart();
  ASSERT_TRUE(voters.GoOn(seconds(5))) << voters.Complaint();
  EXPECT_EQ(voters.Complaint(), "");
}

// A snapshot is being installed, and the power goes at every operation of the disk in turn.
TEST(QuorumReplicaTest, InstallingASnapshotSurvivesACrashAtEveryOperation) {
  bool survived_at_last = false;
  int crashes = 0;
  for (uint64_t operation = 1; !survived_at_last; ++operation) {
    ASSERT_LT(operation, 200u);
    Voters voters(11, 3, {}, 1000);
    voters.Start();
    ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
    ASSERT_TRUE(voters.GoOn(seconds(2)));
    const int away = voters.Leader() % 3 + 1;
    voters.node(away).Crash();
    ASSERT_TRUE(voters.GoFarOn(60));
    voters.world().RunFor(seconds(1));
    sim::SimFileSystem& files = voters.node(away).files();
    bool crashed = false;
    voters.node(away).Restart();
    files.SetCrashAtOperation(files.operation_count() + operation, [&] { crashed = true; });
    (void)voters.world().RunUntil(
        [&] {
          return crashed || (voters.process(away) != nullptr &&
                             voters.process(away)->told_end() == voters.history().end_offset());
        },
        seconds(5));
    survived_at_last = !crashed;
    crashes += crashed ? 1 : 0;
    voters.node(away).Crash();
    voters.node(away).Restart();
    ASSERT_TRUE(voters.GoOn(seconds(5))) << operation << ": " << voters.Complaint();
    ASSERT_EQ(voters.Complaint(), "") << operation;
  }
  EXPECT_GT(crashes, 10);
}

TEST(QuorumReplicaTest, ADamagedSnapshotIsNoEmptyLog) {
  Voters voters(12, 3, {}, 1000);
  voters.Start();
  ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
  ASSERT_TRUE(voters.GoFarOn(100));
  ASSERT_TRUE(voters.GoOn(seconds(2)));
  sim::SimFileSystem& files = voters.node(2).files();
  voters.node(2).Crash();
  const std::string log = "meta/__cluster_metadata-0";
  const auto entries = files.List(log);
  ASSERT_TRUE(entries.ok());
  std::string snapshot;
  for (const DirectoryEntry& entry : *entries) {
    if (entry.name.ends_with(".checkpoint")) snapshot = JoinPath(log, entry.name);
  }
  files.FlipBit(snapshot, 70, 3);
  voters.node(2).Restart();
  voters.world().RunFor(seconds(1));
  EXPECT_FALSE(voters.process(2)->running());
  EXPECT_NE(voters.process(2)->failure().message().find(snapshot + " is damaged"),
            std::string::npos)
      << voters.process(2)->failure();
  voters.node(2).Crash();
  ASSERT_TRUE(files.Remove(snapshot).ok());
  voters.node(2).Restart();
  voters.world().RunFor(seconds(1));
  EXPECT_FALSE(voters.process(2)->running());
  EXPECT_NE(voters.process(2)->failure().message().find("there is no snapshot of what was before"),
            std::string::npos)
      << voters.process(2)->failure();
}

// A disk that cannot be read ends the process that leads, and says so.
TEST(QuorumReplicaTest, ALeaderThatCannotReadItsLogStops) {
  Voters voters(13, 3);
  voters.Start();
  ASSERT_TRUE(voters.AwaitLeader(seconds(3)));
  ASSERT_TRUE(voters.GoOn(seconds(2)));
  const int leader = voters.Leader();
  const int away = leader % 3 + 1;
  voters.node(away).Crash();
  ASSERT_TRUE(voters.GoFarOn(3));
  voters.node(leader).files().FailAlways(sim::FileOperation::kRead, "",
                                         absl::UnavailableError("input/output error"));
  voters.node(away).Restart();
  EXPECT_TRUE(
      voters.world().RunUntil([&] { return !voters.process(leader)->failure().ok(); }, seconds(3)));
  voters.node(leader).Crash();
  voters.node(leader).files().ClearFaults();
  voters.node(leader).Restart();
  ASSERT_TRUE(voters.GoOn(seconds(5))) << voters.Complaint();
}

// Crashes with loss of what was not flushed, all at once too, stopped processes, cuts in one
// direction, stalled disks.
TEST(QuorumReplicaTest, NothingCommittedIsLostUnderFaults) {
  const char* text = std::getenv("QUORUM_SEEDS");
  const int64_t seeds = text == nullptr ? 100 : std::atoll(text);
  int64_t committed = 0;
  for (uint64_t seed = 100; seed < 100 + static_cast<uint64_t>(seeds); ++seed) {
    Voters voters(seed, seed % 4 == 0 ? 5 : 3,
                  {.heartbeat_interval = milliseconds(10), .election_timeout = milliseconds(80)},
                  seed % 3 == 0 ? 0 : 1000);
    Random random(seed);
    voters.Start();
    for (int step = 0; step < 300 && voters.Complaint().empty(); ++step) {
      voters.world().RunFor(milliseconds(random.Between(1, 60)));
      const int id = static_cast<int>(random.Between(1, voters.size()));
      const int other = static_cast<int>(random.Between(1, voters.size()));
      sim::SimNode& node = voters.node(id);
      switch (random.Below(36)) {
        case 0:
          if (node.alive())
            node.Crash({.lose_unsynced = random.Chance(1, 2), .silent = random.Chance(1, 3)});
          break;
        case 1:
        case 2:
        case 10:
        case 11:
          if (!node.alive()) node.Restart();
          break;
        case 3:
          if (node.alive()) random.Chance(1, 2) ? node.Pause() : node.Resume();
          break;
        case 4:
          if (id != other) voters.network().CutOneWay(node.id(), voters.node(other).id());
          break;
        case 5:
        case 8:
        case 9:
          voters.network().HealAll();
          break;
        case 6:
          if (node.alive()) node.StallDisk(milliseconds(random.Between(1, 400)));
          break;
        case 7:
          if (random.Chance(1, 4)) {
            for (int i = 1; i <= voters.size(); ++i) {
              if (voters.node(i).alive()) voters.node(i).Crash();
              voters.node(i).Restart();
            }
          }
          break;
        default:
          if (voters.Leader() != 0) voters.Append(voters.Leader());
          break;
      }
    }
    voters.network().HealAll();
    for (int i = 1; i <= voters.size(); ++i) {
      if (!voters.node(i).alive()) {
        voters.node(i).Restart();
      } else if (voters.node(i).paused()) {
        voters.node(i).Resume();
      }
    }
    ASSERT_EQ(voters.Complaint(), "") << "seed " << seed;
    ASSERT_TRUE(voters.GoOn(seconds(60)))
        << "seed " << seed << ": no progress after healing " << voters.Complaint();
    ASSERT_EQ(voters.Complaint(), "") << "seed " << seed;
    committed += voters.history().end_offset();
  }
  EXPECT_GT(committed, seeds * 20) << "hardly anything happened";
}

}  // namespace
}  // namespace soliton::controller

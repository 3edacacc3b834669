// Random walks of a quorum under crashes, power loss, broken connections, cuts in one direction,
// lost and repeated packets, slow disks, changes of voters and replaced disks; after each walk
// everything heals and must get on. QUORUM_SEEDS and QUORUM_FIRST_SEED choose which; a
// single one is told step by step.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "tests/controller/quorum/quorum_world.h"

namespace soliton::controller {
namespace {

class RandomWalk {
 public:
  explicit RandomWalk(uint64_t seed)
      : random_(seed * 7919 + 1), world_(Draw(), seed), fifo_(random_.Chance(1, 2)) {
    loss_ = random_.Chance(1, 2) ? static_cast<uint64_t>(random_.Between(1, 10)) : 0;
    fault_ = static_cast<uint64_t>(random_.Between(0, 12));
    slow_disk_ = random_.Chance(1, 3) ? static_cast<int>(random_.Below(Size())) : -1;
    steps_ = random_.Between(300, 1200);
  }

  std::string Run() {
    for (int64_t i = 0; i < steps_ && world_.violation().empty(); ++i) Step();
    return world_.violation().empty() ? world_.Heal() : world_.violation();
  }
  int64_t committed() const { return world_.committed_records(); }
  QuorumWorld& world() { return world_; }

 private:
  QuorumWorld::Options Draw() {
    QuorumWorld::Options options;
    options.voters = random_.Chance(1, 3) ? 5 : random_.Chance(1, 8) ? 1 : 3;
    options.batches_per_message = static_cast<int>(random_.Between(1, 3));
    options.spares = static_cast<int>(random_.Between(0, 2));
    return options;
  }
  uint64_t Size() const { return static_cast<uint64_t>(world_.size()); }
  int Any() { return static_cast<int>(random_.Below(Size())); }

  void Step() {
    const uint64_t dice = random_.Below(100);
    if (dice < 55) {
      DeliverOne();
    } else if (dice < 72) {
      UseDisk(Any());
    } else if (dice < 84) {
      world_.Advance(random_.Chance(1, 4) ? world_.until_next_deadline()
                                          : milliseconds(random_.Between(0, 15)));
    } else if (dice < 92) {
      const int leads = random_.Chance(4, 5) ? world_.leader() : Any();
      if (leads >= 0) world_.Propose(leads, static_cast<int>(random_.Between(1, 3)));
    } else if (random_.Below(20) < fault_) {
      Fault();
    }
  }

  void DeliverOne() {
    const size_t waiting = world_.packets().size();
    if (waiting == 0) return;
    size_t which = random_.Below(waiting);
    if (fifo_) {
      // The first one of its connection.
      const auto& chosen = world_.packets()[which];
      for (size_t i = 0; i < which; ++i) {
        const auto& packet = world_.packets()[i];
        if (packet.from == chosen.from && packet.to == chosen.to) which = i;
      }
    }
    if (random_.Below(100) < loss_) {
      world_.Drop(which);
      return;
    }
    if (!fifo_ && random_.Below(100) < loss_) world_.Repeat(which);
    world_.Deliver(which);
  }

  void UseDisk(int node) {
    if (node == slow_disk_ && random_.Chance(9, 10)) return;
    switch (random_.Below(4)) {
      case 0:
        world_.Persisted(node);
        return;
      case 1:
        world_.BeginFlush(node);
        return;
      case 2:
        world_.EndFlush(node);
        return;
      default:
        world_.Install(node);
        return;
    }
  }

  void Fault() {
    const int a = Any();
    const int b = Any();
    switch (random_.Below(12)) {
      case 0:
      case 1:
        if (world_.up(a)) {
          world_.Crash(a, random_.Below(world_.unflushed_batches(a) + 1), random_.Chance(1, 2));
        }
        return;
      case 2:
      case 3:
      case 4:
        world_.Restart(a);
        return;
      case 5:
        if (a != b) world_.Break(a, b);
        return;
      case 6:
        if (a != b) world_.Connect(a, b);
        return;
      case 7:
        if (a != b) world_.SetCut(a, b, random_.Chance(1, 3));
        return;
      case 8:
        world_.Transfer(a);
        return;
      case 9:
        world_.Compact(a);
        return;
      case 10:
        ChangeVoters(a);
        return;
      default:
        // A cluster survives as many lost disks as leave a majority of those that were counted; the
        // voters are changed first here, so only disks of nodes that do not vote are replaced.
        if (!world_.up(a) && !Votes(a)) world_.ReplaceDisk(a);
        return;
    }
  }

  bool Votes(int node) const {
    for (int i = 0; i < world_.size(); ++i) {
      if (!world_.up(i)) return true;  // who knows
      if (world_.core(i).voters().Contains(world_.voter(node))) return true;
    }
    return false;
  }

  void ChangeVoters(int node) {
    const int leads = world_.leader();
    if (leads < 0) return;
    std::vector<Voter> voters = world_.core(leads).voters().voters();
    const Voter& who = world_.voter(node);
    const auto it = std::find_if(voters.begin(), voters.end(),
                                 [&](const Voter& voter) { return voter.node_id == who.node_id; });
    if (it != voters.end()) {
      if (voters.size() > 1) voters.erase(it);
    } else {
      world_.AddLearner(leads, node);
      voters.push_back(who);
    }
    world_.ProposeVoters(leads, VoterSet(voters));
  }

  Random random_;
  QuorumWorld world_;
  const bool fifo_;
  uint64_t loss_ = 0;   // percent
  uint64_t fault_ = 0;  // of 20
  int slow_disk_ = -1;
  int64_t steps_ = 0;
};

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

TEST(QuorumRandomTest, HoldsWhatItPromisesAndGetsOnAfterwards) {
  const int64_t first = FromEnvironment("QUORUM_FIRST_SEED", 1);
  const int64_t seeds = FromEnvironment("QUORUM_SEEDS", 20000);
  int64_t committed = 0;
  for (int64_t seed = first; seed < first + seeds; ++seed) {
    RandomWalk walk(static_cast<uint64_t>(seed));
    if (seeds == 1) {
      walk.world().on_note = [](int, const std::string& what) { std::cerr << what << "\n"; };
    }
    const std::string wrong = walk.Run();
    committed += walk.committed();
    ASSERT_EQ(wrong, "") << "seed " << seed;
  }
  EXPECT_GT(committed, seeds * 10) << "hardly anything happened";
}

}  // namespace
}  // namespace soliton::controller

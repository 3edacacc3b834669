// All that three voters can do in a few steps: timeouts, packets in the order of their connection,
// disks, a batch, a crash with loss of what was not flushed, a restart, a lost packet, in every
// order, from an empty quorum and from one whose leader has an uncommitted batch. States that look
// the same are visited once. QUORUM_STATES says how many.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <unordered_set>

#include "tests/controller/quorum/quorum_world.h"

namespace soliton::controller {
namespace {

struct Action {
  enum class Kind : uint8_t {
    kTimeout,
    kDeliver,
    kLose,
    kPersist,
    kFlush,
    kPropose,
    kCrash,
    kRestart
  };
  Kind kind;
  int node = 0;
  int to = 0;
};

class Exploration {
 public:
  explicit Exploration(std::vector<Action> beginning) : beginning_(std::move(beginning)) {}

  // "" or what was violated, and how.
  std::string Run(size_t states) {
    std::unordered_set<std::string> seen;
    std::deque<std::vector<Action>> open = {{}};
    while (!open.empty() && seen.size() < states) {
      const std::vector<Action> path = std::move(open.front());
      open.pop_front();
      for (const Action& action : Possible(path)) {
        std::vector<Action> longer = path;
        longer.push_back(action);
        const auto world = Replay(longer);
        if (world == nullptr) continue;
        if (!world->violation().empty()) return Tell(longer, world->violation());
        if (seen.insert(world->Fingerprint()).second) open.push_back(std::move(longer));
      }
      deepest_ = std::max(deepest_, path.size() + 1);
    }
    states_ = seen.size();
    return "";
  }
  size_t states() const { return states_; }
  size_t deepest() const { return deepest_; }

 private:
  static constexpr int kNodes = 3;
  static constexpr int32_t kMaxEpoch = 3;

  static size_t Packet(const QuorumWorld& world, int from, int to) {
    for (size_t i = 0; i < world.packets().size(); ++i) {
      if (world.packets()[i].from == from && world.packets()[i].to == to) return i;
    }
    return world.packets().size();
  }
  static bool Do(QuorumWorld& world, const Action& action) {
    switch (action.kind) {
      case Action::Kind::kTimeout:
        return world.Timeout(action.node);
      case Action::Kind::kDeliver:
        return world.Deliver(Packet(world, action.node, action.to));
      case Action::Kind::kLose:
        return world.Drop(Packet(world, action.node, action.to));
      case Action::Kind::kPersist:
        return world.Persisted(action.node);
      case Action::Kind::kFlush:
        return world.BeginFlush(action.node) && world.EndFlush(action.node);
      case Action::Kind::kPropose:
        return world.Propose(action.node);
      case Action::Kind::kCrash:
        return world.Crash(action.node, 0, false);
      case Action::Kind::kRestart:
        return world.Restart(action.node);
    }
    return false;
  }

  // nullptr: some action was not possible.
  std::unique_ptr<QuorumWorld> Replay(const std::vector<Action>& path) const {
    QuorumWorld::Options options;
    options.voters = kNodes;
    options.batches_per_message = 1;
    auto world = std::make_unique<QuorumWorld>(options, 1);
    for (const Action& action : beginning_) Do(*world, action);
    for (const Action& action : path) {
      if (!Do(*world, action)) return nullptr;
    }
    return world;
  }

  std::vector<Action> Possible(const std::vector<Action>& path) const {
    const auto count = [&](Action::Kind kind) {
      return std::count_if(path.begin(), path.end(),
                           [&](const Action& action) { return action.kind == kind; });
    };
    const auto world = Replay(path);
    std::vector<Action> actions;
    for (int i = 0; i < kNodes; ++i) {
      if (!world->up(i)) {
        actions.push_back({Action::Kind::kRestart, i});
        continue;
      }
      if (world->core(i).epoch() < kMaxEpoch) actions.push_back({Action::Kind::kTimeout, i});
      if (world->persisting(i)) actions.push_back({Action::Kind::kPersist, i});
      if (world->unflushed_batches(i) > 0) actions.push_back({Action::Kind::kFlush, i});
      if (world->core(i).is_leader() && count(Action::Kind::kPropose) < 1) {
        actions.push_back({Action::Kind::kPropose, i});
      }
      if (count(Action::Kind::kCrash) < 1) actions.push_back({Action::Kind::kCrash, i});
      for (int to = 0; to < kNodes; ++to) {
        if (Packet(*world, i, to) == world->packets().size()) continue;
        actions.push_back({Action::Kind::kDeliver, i, to});
        if (count(Action::Kind::kLose) < 1) actions.push_back({Action::Kind::kLose, i, to});
      }
    }
    return actions;
  }

  std::string Tell(const std::vector<Action>& path, const std::string& violation) const {
    static constexpr std::array<const char*, 8> kNames = {"timeout", "deliver", "lose",  "persist",
                                                          "flush",   "propose", "crash", "restart"};
    std::string text = violation + "\n";
    for (const Action& action : path) {
      text += std::string(kNames[static_cast<size_t>(action.kind)]) + " " +
              std::to_string(action.node + 1) + " " + std::to_string(action.to + 1) + "\n";
    }
    return text;
  }

  const std::vector<Action> beginning_;
  size_t states_ = 0;
  size_t deepest_ = 0;
};

size_t States() {
  const char* text = std::getenv("QUORUM_STATES");
  return text == nullptr ? 20000 : static_cast<size_t>(std::atoll(text));
}

using Kind = Action::Kind;
// Node 1 leads epoch 1; its first batch is on its own disk, and on its way.
const std::vector<Action> kElected = {
    {Kind::kTimeout, 0},    {Kind::kDeliver, 0, 1}, {Kind::kDeliver, 1, 0}, {Kind::kPersist, 0},
    {Kind::kLose, 0, 2},    {Kind::kDeliver, 0, 1}, {Kind::kPersist, 1},    {Kind::kDeliver, 1, 0},
    {Kind::kDeliver, 0, 1}, {Kind::kDeliver, 1, 0}, {Kind::kFlush, 0}};

TEST(QuorumExploreTest, FromNothing) {
  Exploration all({});
  EXPECT_EQ(all.Run(States()), "");
  EXPECT_GE(all.states(), States());
  EXPECT_GE(all.deepest(), 5u);
}

TEST(QuorumExploreTest, FromALeaderWithAnUncommittedBatch) {
  Exploration all(kElected);
  EXPECT_EQ(all.Run(States()), "");
  EXPECT_GE(all.states(), States());
  EXPECT_GE(all.deepest(), 5u);
}

// With an uncommitted batch on one other disk too, and its holder gone.
TEST(QuorumExploreTest, FromALeaderThatDied) {
  std::vector<Action> beginning = kElected;
  beginning.push_back({Kind::kDeliver, 0, 1});
  beginning.push_back({Kind::kFlush, 1});
  beginning.push_back({Kind::kCrash, 0});
  Exploration all(beginning);
  EXPECT_EQ(all.Run(States()), "");
  EXPECT_GE(all.states(), States());
}

}  // namespace
}  // namespace soliton::controller

#include "broker/server/memory_budget.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "runtime/base/random.h"

namespace soliton::broker {
namespace {

using Class = MemoryBudget::Class;

TEST(MemoryBudget, EachClassKeepsItsShare) {
  MemoryBudget budget(800);
  EXPECT_EQ(budget.largest_bytes(), 600);
  EXPECT_TRUE(budget.Ask(1, Class::kBulk, 600));
  EXPECT_FALSE(budget.Ask(2, Class::kBulk, 1)) << "bulk is used up";
  EXPECT_TRUE(budget.Ask(3, Class::kSmall, 100)) << "small requests are heard all the same";
  EXPECT_FALSE(budget.Ask(4, Class::kSmall, 1));
  EXPECT_TRUE(budget.Ask(5, Class::kReplica, 100)) << "and so are replicas";
  EXPECT_FALSE(budget.Ask(6, Class::kReplica, 1));
  EXPECT_EQ(budget.used_bytes(), 800);
  EXPECT_EQ(budget.waiting(), 3u);
  EXPECT_EQ(budget.Release(Class::kBulk, 600), (std::vector<uint64_t>{6, 4, 2}));
}

TEST(MemoryBudget, ReplicasTakeWhatIsFree) {
  MemoryBudget budget(800);
  EXPECT_TRUE(budget.Ask(1, Class::kReplica, 500));
  EXPECT_FALSE(budget.Ask(2, Class::kBulk, 301)) << "the whole is the limit";
  EXPECT_EQ(budget.Forget(2), std::vector<uint64_t>());
  EXPECT_TRUE(budget.Ask(3, Class::kBulk, 300));
}

// A large request must not wait for ever behind small ones that keep coming.
TEST(MemoryBudget, WhoWaitsFirstGoesFirst) {
  MemoryBudget budget(800);
  EXPECT_TRUE(budget.Ask(1, Class::kBulk, 300));
  EXPECT_TRUE(budget.Ask(2, Class::kBulk, 300));
  EXPECT_FALSE(budget.Ask(3, Class::kBulk, 600));
  EXPECT_FALSE(budget.Ask(4, Class::kBulk, 10));
  EXPECT_EQ(budget.Release(Class::kBulk, 300), std::vector<uint64_t>())
      << "4 would fit; 3 is first";
  EXPECT_EQ(budget.Release(Class::kBulk, 300), std::vector<uint64_t>{3});
  EXPECT_EQ(budget.Forget(4), std::vector<uint64_t>());
  EXPECT_EQ(budget.Release(Class::kBulk, 600), std::vector<uint64_t>());
  EXPECT_EQ(budget.used_bytes(), 0);
}

TEST(MemoryBudget, OneThatGivesUpLetsTheNextGo) {
  MemoryBudget budget(800);
  EXPECT_TRUE(budget.Ask(1, Class::kBulk, 400));
  EXPECT_FALSE(budget.Ask(2, Class::kBulk, 600));
  EXPECT_FALSE(budget.Ask(3, Class::kBulk, 100));
  EXPECT_EQ(budget.Forget(2), std::vector<uint64_t>{3});
}

// Whatever the order: never more than the budget is taken, classes keep their shares, nobody who
// could go on waits, and everybody is served in the end.
TEST(MemoryBudget, RandomUse) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    const int64_t total = 800 + static_cast<int64_t>(random.Below(100'000));
    MemoryBudget budget(total);
    struct Want {
      Class what;
      int64_t bytes;
    };
    std::map<uint64_t, Want> waiting, held;
    const auto take = [&](const std::vector<uint64_t>& granted) {
      for (uint64_t id : granted) {
        auto found = waiting.find(id);
        ASSERT_NE(found, waiting.end()) << "seed " << seed;
        held.insert(*found);
        waiting.erase(found);
      }
    };
    uint64_t next_id = 1;
    for (int step = 0; step < 400; ++step) {
      const uint64_t choice = random.Below(10);
      if (choice < 5) {
        const Want want{
            static_cast<Class>(random.Below(3)),
            static_cast<int64_t>(random.Below(static_cast<uint64_t>(budget.largest_bytes()) /
                                              (1 + random.Below(20))))};
        const uint64_t id = next_id++;
        (budget.Ask(id, want.what, want.bytes) ? held : waiting).emplace(id, want);
      } else if (choice < 9 && !held.empty()) {
        auto gone = std::next(held.begin(), static_cast<std::ptrdiff_t>(random.Below(held.size())));
        const Want want = gone->second;
        held.erase(gone);
        take(budget.Release(want.what, want.bytes));
      } else if (!waiting.empty()) {
        auto gone =
            std::next(waiting.begin(), static_cast<std::ptrdiff_t>(random.Below(waiting.size())));
        const uint64_t id = gone->first;
        waiting.erase(gone);
        take(budget.Forget(id));
      }
      int64_t used[3] = {};
      for (const auto& [id, want] : held) used[static_cast<size_t>(want.what)] += want.bytes;
      ASSERT_EQ(budget.used_bytes(), used[0] + used[1] + used[2]) << "seed " << seed;
      ASSERT_LE(used[0], total - total / 4);
      ASSERT_LE(used[0] + used[1] + used[2], total);
      if (used[2] <= total / 8) {
        ASSERT_LE(used[0] + used[1], total - total / 8);
      }
      ASSERT_EQ(budget.waiting(), waiting.size());
      if (held.empty()) {
        ASSERT_TRUE(waiting.empty()) << "somebody waits for nothing, seed " << seed;
      }
    }
    while (!held.empty()) {
      const Want want = held.begin()->second;
      held.erase(held.begin());
      take(budget.Release(want.what, want.bytes));
    }
    EXPECT_TRUE(waiting.empty()) << "seed " << seed;
    EXPECT_EQ(budget.used_bytes(), 0);
  }
}

}  // namespace
}  // namespace soliton::broker

#include "runtime/loop/timer_queue.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace soliton {
namespace {

MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }

TEST(TimerQueueTest, EqualDeadlinesFireInOrderOfInsertion) {
  TimerQueue queue;
  std::vector<int> fired;
  for (int i = 0; i < 10; ++i) queue.Add(At(5), [&fired, i] { fired.push_back(i); });
  EXPECT_EQ(queue.NextDeadline(), At(5));
  EXPECT_FALSE(queue.PopDue(At(4)).has_value());
  while (auto task = queue.PopDue(At(5))) (*task)();
  EXPECT_EQ(fired, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(queue.NextDeadline(), std::nullopt);
}

TEST(TimerQueueTest, CancelTellsWhetherItWasInTime) {
  TimerQueue queue;
  const TimerId id = queue.Add(At(1), [] {});
  EXPECT_NE(id, 0u);
  EXPECT_FALSE(queue.Cancel(0));
  EXPECT_TRUE(queue.Cancel(id));
  EXPECT_FALSE(queue.Cancel(id));
  const TimerId fired = queue.Add(At(1), [] {});
  EXPECT_NE(fired, id);
  EXPECT_TRUE(queue.PopDue(At(1)).has_value());
  EXPECT_FALSE(queue.Cancel(fired));
}

TEST(TimerQueueTest, TaskDestructorMayCallBack) {
  TimerQueue queue;
  TimerId other = queue.Add(At(9), [] {});
  struct CancelsOnDestruction {
    TimerQueue* queue;
    TimerId id;
    ~CancelsOnDestruction() { queue->Cancel(id); }
  };
  auto guard = std::make_shared<CancelsOnDestruction>(&queue, other);
  const TimerId id = queue.Add(At(1), [guard] {});
  guard.reset();
  EXPECT_TRUE(queue.Cancel(id));
  EXPECT_EQ(queue.size(), 0u);
}

// Random operations against a vector kept sorted.
TEST(TimerQueueTest, BehavesLikeASortedModel) {
  struct Entry {
    int64_t deadline_ms;
    TimerId id;
  };
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    TimerQueue queue;
    std::vector<Entry> model;  // by deadline, then insertion
    TimerId last_fired = 0;
    std::vector<TimerId> issued;
    int64_t now_ms = 0;
    for (int step = 0; step < 500; ++step) {
      const uint64_t choice = random.Below(10);
      if (choice < 5) {
        const int64_t deadline_ms = now_ms + random.Between(-5, 20);
        auto id = std::make_shared<TimerId>(0);
        *id = queue.Add(At(deadline_ms), [&last_fired, id] { last_fired = *id; });
        issued.push_back(*id);
        auto behind = std::upper_bound(
            model.begin(), model.end(), deadline_ms,
            [](int64_t deadline, const Entry& entry) { return deadline < entry.deadline_ms; });
        model.insert(behind, {deadline_ms, *id});
      } else if (choice < 7 && !issued.empty()) {
        const TimerId id = issued[random.Below(issued.size())];
        const auto pending = std::find_if(model.begin(), model.end(),
                                          [id](const Entry& entry) { return entry.id == id; });
        ASSERT_EQ(queue.Cancel(id), pending != model.end());
        if (pending != model.end()) model.erase(pending);
      } else {
        now_ms += random.Between(0, 4);
        auto task = queue.PopDue(At(now_ms));
        const bool due = !model.empty() && model.front().deadline_ms <= now_ms;
        ASSERT_EQ(task.has_value(), due);
        if (due) {
          (*task)();
          ASSERT_EQ(last_fired, model.front().id);
          model.erase(model.begin());
        }
      }
      ASSERT_EQ(queue.size(), model.size());
      ASSERT_EQ(queue.NextDeadline().has_value(), !model.empty());
      if (!model.empty()) {
        ASSERT_EQ(*queue.NextDeadline(), At(model.front().deadline_ms));
      }
    }
  }
}

}  // namespace
}  // namespace soliton

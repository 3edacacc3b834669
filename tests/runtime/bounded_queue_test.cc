#include "runtime/base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>

namespace soliton {
namespace {

TEST(BoundedQueueTest, KeepsOrderAndRefusesWhenFull) {
  BoundedQueue<std::unique_ptr<int>> queue(2);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(queue.TryPush(std::move(third)));
  ASSERT_NE(third, nullptr) << "a refused value stays with the caller";
  EXPECT_EQ(*queue.Pop(), 1);
  EXPECT_TRUE(queue.TryPush(std::move(third)));
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(*queue.Pop(), 2);
  EXPECT_EQ(*queue.Pop(), 3);
  EXPECT_TRUE(queue.empty());
}

TEST(BoundedQueueDeathTest, PopFromEmptyIsABug) {
  BoundedQueue<int> queue(1);
  EXPECT_DEATH((void)queue.Pop(), "pop from an empty queue");
}

}  // namespace
}  // namespace soliton

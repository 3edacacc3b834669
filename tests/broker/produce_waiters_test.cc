// Produce requests that wait for the high watermark are answered in the order of their offsets.
#include "broker/partition/produce_waiters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using testing::ElementsAre;
using testing::IsEmpty;

class ProduceWaitersTest : public testing::Test {
 protected:
  void Add(int64_t offset, int name) {
    waiters.Add(offset, [this, name](ErrorCode error) {
      answered.push_back(name);
      last_error = error;
    });
  }
  std::vector<int> Answered() { return std::exchange(answered, {}); }

  ProduceWaiters waiters;
  std::vector<int> answered;
  ErrorCode last_error = ErrorCode::UNKNOWN_SERVER_ERROR;
};

TEST_F(ProduceWaitersTest, CompletesUpToTheHighWatermark) {
  Add(10, 1);
  Add(20, 2);
  Add(20, 3);  // a retry of what is already in the log
  Add(30, 4);
  waiters.Complete(9, ErrorCode::NONE);
  EXPECT_THAT(Answered(), IsEmpty());
  waiters.Complete(20, ErrorCode::NONE);
  EXPECT_THAT(Answered(), ElementsAre(1, 2, 3));
  EXPECT_EQ(last_error, ErrorCode::NONE);
  EXPECT_EQ(waiters.size(), 1u);
  waiters.Complete(1000, ErrorCode::NONE);
  EXPECT_THAT(Answered(), ElementsAre(4));
}

TEST_F(ProduceWaitersTest, ALateLowerOffsetGoesFirst) {
  Add(10, 1);
  Add(30, 2);
  Add(20, 3);
  Add(5, 4);
  Add(20, 5);
  waiters.Complete(20, ErrorCode::NONE);
  EXPECT_THAT(Answered(), ElementsAre(4, 1, 3, 5));
  waiters.Complete(30, ErrorCode::NONE);
  EXPECT_THAT(Answered(), ElementsAre(2));
}

TEST_F(ProduceWaitersTest, AnswersMayAddWaiters) {
  waiters.Add(1, [this](ErrorCode) {
    answered.push_back(1);
    Add(2, 2);
    Add(9, 3);
  });
  waiters.Complete(2, ErrorCode::NONE);
  EXPECT_THAT(Answered(), ElementsAre(1, 2));
  waiters.FailAll(ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_THAT(Answered(), ElementsAre(3));
  EXPECT_EQ(last_error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(waiters.size(), 0u);
}

}  // namespace
}  // namespace soliton::broker

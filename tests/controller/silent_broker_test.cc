// The brain alone: brokers that are not heard any more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SilentBrokerTest : public ::testing::Test {
 protected:
  bool Usable(int32_t id) { return harness_.image().FindBroker(id)->usable(); }

  CoreHarness harness_;
};

TEST_F(SilentBrokerTest, SilentBrokersAreFencedTogether) {
  for (int id = 1; id <= 4; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2, 3, 4}, {2, 1, 3, 4}});
  for (int i = 0; i < 10; ++i) {
    harness_.Advance(seconds(1));
    for (const int id : {3, 4}) harness_.Heartbeat(id, harness_.EpochOf(id), 0);
    harness_.FenceExpired();
  }
  EXPECT_FALSE(Usable(1));
  EXPECT_FALSE(Usable(2));
  EXPECT_TRUE(Usable(3));
  // One change per partition, straight to a live leader.
  EXPECT_EQ(harness_.Partition(topic, 0).leader, 3);
  EXPECT_EQ(harness_.Partition(topic, 0).partition_epoch, 1);
  EXPECT_EQ(harness_.Partition(topic, 1).leader, 3);
  EXPECT_EQ(harness_.Partition(topic, 1).partition_epoch, 1);
}

// S61: others lead as long as it lasts, if there are any.
TEST_F(SilentBrokerTest, ABrokerWhoseDiskStallsLeadsNothing) {
  for (int id = 1; id <= 3; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2, 3}});
  EXPECT_TRUE(harness_.HeartbeatStalled(1).heartbeat().fenced());
  EXPECT_FALSE(Usable(1));
  EXPECT_EQ(harness_.Partition(topic, 0).leader, 2);
  EXPECT_TRUE(harness_.HeartbeatStalled(1).heartbeat().fenced()) << "still";
  EXPECT_TRUE(harness_.HeartbeatStalled(2).heartbeat().fenced());
  EXPECT_EQ(harness_.Partition(topic, 0).leader, 3);
  EXPECT_FALSE(harness_.HeartbeatStalled(3).heartbeat().fenced()) << "nobody else could lead";
  EXPECT_FALSE(
      harness_.Heartbeat(1, harness_.EpochOf(1), harness_.EpochOf(1)).heartbeat().fenced());
  EXPECT_TRUE(Usable(1));
}

TEST_F(SilentBrokerTest, AControllerThatDidNotRunBlamesNobody) {
  harness_.Join(1);
  harness_.Advance(seconds(60));
  harness_.FenceExpired();
  EXPECT_TRUE(Usable(1));
  for (int i = 0; i < 9; ++i) {
    harness_.Advance(seconds(1));
    harness_.FenceExpired();
    EXPECT_TRUE(Usable(1));
  }
  harness_.Advance(seconds(1));
  harness_.FenceExpired();
  EXPECT_FALSE(Usable(1)) << "a fresh session, not an endless one";
}

TEST_F(SilentBrokerTest, WhoIsSilentIsAskedAndFencedOnlyWhenNothingIsHeard) {
  CoreOptions options = CoreHarness::DefaultOptions();
  options.broker_silence_timeout = milliseconds(300);
  CoreHarness harness(options);
  for (int id = 1; id <= 3; ++id) harness.Join(id);
  const auto usable = [&](int32_t id) { return harness.image().FindBroker(id)->usable(); };
  const auto run = [&](int64_t ms, std::initializer_list<int> heard) {
    for (int64_t passed = 0; passed < ms; passed += 50) {
      harness.Advance(milliseconds(50));
      for (const int id : heard) harness.Heartbeat(id, harness.EpochOf(id), 0);
      harness.FenceExpired();
    }
  };
  run(300, {2, 3});
  EXPECT_TRUE(harness.core().SilentBrokers(harness.now()).empty());
  run(50, {2, 3});
  const MonotonicTime asked = harness.now();
  EXPECT_THAT(harness.core().SilentBrokers(asked),
              ::testing::ElementsAre(BrokerIncarnation{1, harness.EpochOf(1)}));
  // Heard of while it is asked.
  run(100, {1, 2, 3});
  harness.FenceSilent(1, asked);
  EXPECT_TRUE(usable(1));
  run(350, {2, 3});
  const MonotonicTime asked_again = harness.now();
  // The controller itself did not run: it could not have heard the answer.
  harness.Advance(milliseconds(200));
  harness.FenceExpired();
  harness.FenceSilent(1, asked_again);
  EXPECT_TRUE(usable(1));
  run(350, {2, 3});
  const MonotonicTime asked_at_last = harness.now();
  run(200, {2, 3});
  harness.FenceSilent(1, asked_at_last);
  EXPECT_FALSE(usable(1));
  EXPECT_TRUE(usable(2));
  EXPECT_TRUE(harness.core().SilentBrokers(harness.now()).empty()) << "a fenced one is left alone";
}

TEST_F(SilentBrokerTest, ARefusedProbeFencesOnlyTheIncarnationThatWasProbed) {
  const int64_t old_epoch = harness_.Join(1);
  const auto suspect = harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 1));
  ASSERT_TRUE(suspect.has_value());
  EXPECT_EQ(*suspect, (BrokerIncarnation{1, old_epoch}));
  // It restarted meanwhile.
  harness_.Join(1, 2);
  harness_.Perform(harness_.core().FenceUnreachable(*suspect));
  EXPECT_TRUE(Usable(1));
  // It restarted and is silent again, but nobody has dialled the new one yet.
  ASSERT_TRUE(harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 2)).has_value());
  harness_.Perform(harness_.core().FenceUnreachable(*suspect));
  EXPECT_TRUE(Usable(1));
  harness_.Handle(CoreHarness::RegisterRequest(1, 2), CoreHarness::ConnectionOf(1, 2));
  // The same incarnation reconnected meanwhile.
  const auto again = harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 2));
  harness_.Heartbeat(1, harness_.EpochOf(1), 0, true, false, 3);
  harness_.Perform(harness_.core().FenceUnreachable(*again));
  EXPECT_TRUE(Usable(1));
  // Gone for good.
  const auto third = harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 3));
  harness_.Perform(harness_.core().FenceUnreachable(*third));
  EXPECT_FALSE(Usable(1));
  EXPECT_FALSE(harness_.core().Disconnected(CoreHarness::ConnectionOf(1, 3)).has_value());
}

}  // namespace
}  // namespace soliton::controller

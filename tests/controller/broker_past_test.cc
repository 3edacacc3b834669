// What a broker that comes back is believed to hold, by what it says of its past.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class BrokerPastTest : public ::testing::Test {
 protected:
  CoreHarness harness_;
};

// The first one wrote its epoch down and died, the second one died before that: the third one knows
// an epoch that is neither the last one nor the one in which the broker was last unfenced.
TEST_F(BrokerPastTest, SeveralDeathsBeforeServingAreNoLoss) {
  for (int id = 1; id <= 2; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2}}, 2);
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 1));
  harness_.Register(2, 2, harness_.EpochOf(2));
  const int64_t written = harness_.EpochOf(2);
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 2));
  harness_.Register(2, 3, written);
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 3));
  harness_.Register(2, 4, written);
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, ElementsAre(2));
  // What lies above the last epoch was given by nobody.
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 4));
  harness_.Join(3);
  harness_.Register(2, 5, harness_.EpochOf(2) + 1);
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, IsEmpty());
}

// Its disk was put back to an older state while nobody looked (S59): the epoch that it knows is the
// right one, and what it wrote in it since is gone.
TEST_F(BrokerPastTest, AnOlderCopyOfADiskHoldsNothing) {
  const auto hear = [&](uint64_t incarnation, int64_t life) {
    pb::ControlRequest request;
    request.mutable_heartbeat()->set_broker_id(2);
    request.mutable_heartbeat()->set_broker_epoch(harness_.EpochOf(2));
    request.mutable_heartbeat()->set_life(life);
    harness_.Handle(request, CoreHarness::ConnectionOf(2, incarnation));
  };
  const auto come_back = [&](uint64_t incarnation, int64_t first_life) {
    pb::ControlRequest request = CoreHarness::RegisterRequest(2, incarnation, harness_.EpochOf(2));
    request.mutable_register_broker()->set_first_life(first_life);
    return harness_.Handle(request, CoreHarness::ConnectionOf(2, incarnation))
        .register_broker()
        .warning();
  };
  for (int id = 1; id <= 2; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2}}, 2);
  hear(1, 7);
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 1));
  EXPECT_EQ(come_back(2, 8), "");
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, ElementsAre(2));
  // The controller that heard it may be gone: what it knew was written down with the fence.
  hear(2, 9);
  harness_.Heartbeat(2, harness_.EpochOf(2), harness_.EpochOf(2), true, false, 2);
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 2));
  harness_.Perform(harness_.core().FenceUnreachable({2, harness_.EpochOf(2)}));
  EXPECT_EQ(harness_.image().FindBroker(2)->life, 9);
  const std::string warning = come_back(3, 9);
  EXPECT_NE(warning.find("older copy of itself"), std::string::npos) << warning;
  EXPECT_THAT(harness_.Partition(topic).isr, ElementsAre(1));
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, IsEmpty());
  // That is behind it then.
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 3));
  EXPECT_EQ(come_back(4, 10), "");
}

TEST_F(BrokerPastTest, OneLostReplicaCostsTheOthersNothing) {
  for (int id = 1; id <= 2; ++id) harness_.Join(id);
  const Uuid topic = harness_.CreateAssigned("t", {{1, 2}, {1, 2}}, 2);
  harness_.core().Disconnected(CoreHarness::ConnectionOf(2, 1));
  harness_.Register(2, 2, harness_.EpochOf(2), {{topic, 1}});
  EXPECT_THAT(harness_.Partition(topic, 0).eligible_leaders, ElementsAre(2));
  EXPECT_THAT(harness_.Partition(topic, 1).eligible_leaders, IsEmpty());
  EXPECT_THAT(harness_.Partition(topic, 1).isr, ElementsAre(1));
}

}  // namespace
}  // namespace soliton::controller

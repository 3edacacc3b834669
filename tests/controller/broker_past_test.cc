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

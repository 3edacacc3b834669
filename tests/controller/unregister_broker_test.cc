// Brokers that are gone for good.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/core/broker_registry.h"
#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class UnregisterBrokerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int id = 1; id <= 3; ++id) harness_.Join(id);
    topic_ = harness_.CreateAssigned("t", {{1, 2, 3}}, 2);
  }
  ErrorCode Unregister(int32_t id) {
    last_ = harness_.Unregister(id);
    return harness_.Error(last_);
  }

  CoreHarness harness_;
  Uuid topic_;
  pb::ControlResponse last_;
};

TEST_F(UnregisterBrokerTest, ForgetsTheBrokerAndItsReplicaWaitsForAnother) {
  harness_.Kill(3);
  EXPECT_EQ(Unregister(3), ErrorCode::NONE);
  EXPECT_EQ(harness_.image().FindBroker(3), nullptr);
  EXPECT_THAT(harness_.Partition(topic_).replicas, ElementsAre(1, 2, 3));
  EXPECT_EQ(Unregister(3), ErrorCode::BROKER_ID_NOT_REGISTERED);
  harness_.Join(4);
  EXPECT_EQ(harness_.Reassign("t", 0, std::vector<int32_t>{1, 2, 4}).error(), 0);
  EXPECT_EQ(harness_.ChangeIsr(topic_, 0, {1, 2, 4}).error(), 0);
  EXPECT_THAT(harness_.Partition(topic_).replicas, ElementsAre(1, 2, 4));
}

TEST_F(UnregisterBrokerTest, ALiveOneIsRefused) {
  EXPECT_EQ(Unregister(3), ErrorCode::INVALID_REQUEST);
  EXPECT_THAT(last_.error_message(), HasSubstr("host-3:9092"));
  EXPECT_EQ(Unregister(77), ErrorCode::BROKER_ID_NOT_REGISTERED);
  EXPECT_EQ(Unregister(-1), ErrorCode::BROKER_ID_NOT_REGISTERED);
}

TEST_F(UnregisterBrokerTest, WhatItHeldCountsAsLost) {
  const Uuid topic = harness_.CreateAssigned("three", {{1, 2, 3}}, 3);
  harness_.Kill(1);
  harness_.Kill(2);
  EXPECT_THAT(harness_.Partition(topic).isr, ElementsAre(3));
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, ElementsAre(1, 2));
  EXPECT_EQ(Unregister(1), ErrorCode::NONE);
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, ElementsAre(2));
  harness_.Kill(3);
  EXPECT_EQ(Unregister(3), ErrorCode::NONE);
  EXPECT_THAT(harness_.Partition(topic).isr, ElementsAre(2)) << "it was eligible";
  EXPECT_EQ(Unregister(2), ErrorCode::NONE);
  EXPECT_THAT(harness_.Partition(topic).isr, ElementsAre(2)) << "the last one that had it stays";
  EXPECT_THAT(harness_.Partition(topic).eligible_leaders, IsEmpty());
}

TEST_F(UnregisterBrokerTest, ItMayRegisterAgainAndIsNotInSyncBeforeItHasEverything) {
  const int64_t old_epoch = harness_.EpochOf(3);
  harness_.Kill(3);
  EXPECT_EQ(Unregister(3), ErrorCode::NONE);
  EXPECT_GT(harness_.Join(3, 2, old_epoch), old_epoch);
  EXPECT_THAT(harness_.Partition(topic_).isr, ElementsAre(1, 2));
  EXPECT_EQ(harness_.ChangeIsr(topic_, 0, {1, 2, 3}).error(), 0);
}

TEST_F(UnregisterBrokerTest, AHeartbeatOfOneThatWasOnlyCutOffIsRefused) {
  const int64_t old_epoch = harness_.EpochOf(3);
  harness_.Kill(3);
  EXPECT_EQ(Unregister(3), ErrorCode::NONE);
  EXPECT_EQ(harness_.Error(harness_.Heartbeat(3, old_epoch, 0)),
            ErrorCode::BROKER_ID_NOT_REGISTERED);
}

}  // namespace
}  // namespace soliton::controller

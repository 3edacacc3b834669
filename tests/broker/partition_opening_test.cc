// A damaged replica starts over only when nobody can need what it has: over a PartitionTable, image
// by image.
#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>

#include "runtime/base/os_error.h"
#include "tests/broker/partition_table_fixture.h"

namespace soliton::broker {
namespace {

class PartitionOpeningTest : public PartitionTableTest {
 protected:
  static constexpr int64_t kDeclaredEpoch = 201;
  const std::string kFolder = "/data/t-0";

  // Both partitions are on disk, and the first one was found damaged.
  void SetUp() override {
    PartitionTableTest::SetUp();
    if (HasFatalFailure()) return;
    ASSERT_TRUE(fs_.CreateDirectories(kFolder).ok());
    ASSERT_TRUE(WriteFileAtomically(fs_, kFolder + "/damaged", "CRC mismatch").ok());
  }
  bool IsSetAside() const {
    const auto entries = fs_.List("/data");
    return std::any_of(entries->begin(), entries->end(), [](const DirectoryEntry& entry) {
      return entry.name.starts_with("t-0.") && entry.name.ends_with("-damaged");
    });
  }
  void ExpectOffline() {
    EXPECT_FALSE(IsSetAside());
    EXPECT_TRUE(fs_.Exists(kFolder + "/damaged"));
    EXPECT_EQ(table_->Find(Id(0)), nullptr);
    EXPECT_EQ(table_->AbsenceError(Id(0)), kafka::ErrorCode::KAFKA_STORAGE_ERROR);
    EXPECT_NE(table_->Find(Id(1)), nullptr) << "the other one is not concerned";
  }
  void ExpectStartedOver() {
    EXPECT_TRUE(IsSetAside());
    ASSERT_NE(table_->Find(Id(0)), nullptr);
    EXPECT_EQ(table_->Find(Id(0))->log().log_end_offset(), 0);
    EXPECT_FALSE(table_->Find(Id(0))->is_leader());
  }
  void Declare(const std::vector<TopicPartition>& lost = {Id(0)}) {
    table_->OnLossDeclared(lost, kDeclaredEpoch);
    shard_.RunAll();
  }
};

TEST_F(PartitionOpeningTest, NotBeforeTheLossIsDeclaredAndCommitted) {
  const TopicState led_elsewhere{.leader = 2, .isr = {2}};
  Apply(led_elsewhere);
  EXPECT_THAT(table_->lost_replicas(), testing::ElementsAre(Id(0)));
  ExpectOffline();
  Apply(led_elsewhere);
  ExpectOffline();
  // The answer to the registration may come before the image that it made.
  Declare();
  ExpectOffline();
  TopicState committed = led_elsewhere;
  committed.own_broker_epoch = kDeclaredEpoch;
  Apply(committed);
  ExpectStartedOver();
}

TEST_F(PartitionOpeningTest, TheImageMayComeFirst) {
  Apply({.leader = 2, .isr = {2}});
  Apply({.leader = 2, .isr = {2}, .own_broker_epoch = kDeclaredEpoch});
  ExpectOffline();
  Declare();
  ExpectStartedOver();
}

TEST_F(PartitionOpeningTest, NotWhileSomebodyCountsOnIt) {
  Apply({.leader = 2, .isr = {1, 2}});
  Declare();
  const TopicState kCounting[] = {
      {.leader = 2, .isr = {1, 2}},                        // in sync
      {.leader = 2, .isr = {2}, .eligible_leaders = {1}},  // may lead (KIP-966)
      {.leader = 1, .isr = {1}},                           // the last one leads, offline as it is
      {.leader = controller::kNoLeader, .isr = {2}},       // nobody to fetch from
  };
  int32_t epoch = 1;
  for (TopicState state : kCounting) {
    state.own_broker_epoch = kDeclaredEpoch;
    state.partition_epoch = epoch++;
    Apply(state);
    ExpectOffline();
  }
  Apply({.leader = 2, .isr = {2}, .partition_epoch = epoch, .own_broker_epoch = kDeclaredEpoch});
  ExpectStartedOver();
}

TEST_F(PartitionOpeningTest, OnlyWhatWasDeclared) {
  Apply({.leader = 2, .isr = {2}});
  Declare({Id(1)});
  Apply({.leader = 2, .isr = {2}, .own_broker_epoch = kDeclaredEpoch});
  ExpectOffline();
}

// A disk that does not answer says nothing about what is on it.
TEST_F(PartitionOpeningTest, NotForADiskThatFails) {
  ASSERT_TRUE(fs_.Remove(kFolder + "/damaged").ok());
  fs_.FailAlways(sim::FileOperation::kCreate, "/t-0/", ErrnoStatus(EIO, "create", "file"));
  Apply({.leader = 2, .isr = {2}});
  EXPECT_EQ(table_->Find(Id(0)), nullptr);
  Declare();
  fs_.ClearFaults();
  Apply({.leader = 2, .isr = {2}, .own_broker_epoch = kDeclaredEpoch});
  EXPECT_FALSE(IsSetAside());
  EXPECT_EQ(table_->Find(Id(0)), nullptr);
}

// A rename that fails leaves the folder, for the next start.
TEST_F(PartitionOpeningTest, AFolderThatCannotBeSetAsideStays) {
  Apply({.leader = 2, .isr = {2}});
  fs_.FailNext(sim::FileOperation::kRename, "/t-0", ErrnoStatus(EIO, "rename", "folder"));
  Declare();
  Apply({.leader = 2, .isr = {2}, .own_broker_epoch = kDeclaredEpoch});
  ExpectOffline();
}

TEST_F(PartitionOpeningTest, AnAcceptedLossIsDeclaredAndThenForgotten) {
  ASSERT_TRUE(fs_.Remove(kFolder + "/damaged").ok());
  ASSERT_TRUE(WriteFileAtomically(fs_, kFolder + "/loss-accepted", "{}").ok());
  Apply({.leader = 2, .isr = {1, 2}});
  EXPECT_THAT(table_->lost_replicas(), testing::ElementsAre(Id(0)));
  EXPECT_NE(table_->Find(Id(0)), nullptr) << "what is left can be used";
  EXPECT_TRUE(fs_.Exists(kFolder + "/loss-accepted"));
  Declare();
  EXPECT_FALSE(fs_.Exists(kFolder + "/loss-accepted"));
}

class ManyPartitionsTest : public PartitionTableTest {};

// What is flushed, and the metadata log, wait for the same disk.
TEST_F(ManyPartitionsTest, AreOpenedAFewAtATime) {
  constexpr size_t kMany = 100;
  Apply({.leader = 2, .isr = {1, 2}, .partition_count = kMany});
  EXPECT_EQ(table_->partitions().size(), kMany);
  EXPECT_GT(disk_.most_at_once(), 1);
  EXPECT_LE(disk_.most_at_once(), 8);
}

TEST_F(ManyPartitionsTest, WhatWaitsForItsTurnIsNotOpenedByAStop) {
  bool closed = false;
  ApplyOnly({.leader = 2, .isr = {1, 2}, .partition_count = 100});
  table_->CloseAll([&](absl::Status status) { closed = status.ok(); });
  shard_.RunAll();
  EXPECT_TRUE(closed);
  EXPECT_TRUE(fs_.Exists("/data/t-0"));
  EXPECT_FALSE(fs_.Exists("/data/t-99"));
  EXPECT_FALSE(table_->AllWhole()) << "nobody has looked at those";
}

TEST_F(ManyPartitionsTest, ADeletedTopicIsNotOpenedAnyMore) {
  ApplyOnly({.leader = 2, .isr = {1, 2}, .partition_count = 100});
  auto image = std::make_shared<controller::MetadataImage>();
  image->offset = ++last_offset_;
  table_->ApplyImage(image, {.deleted_topics = {kTopic}});
  bool idle = false;
  table_->WhenIdle([&] { idle = true; });
  shard_.RunAll();
  EXPECT_TRUE(idle);
  EXPECT_TRUE(table_->partitions().empty());
  EXPECT_FALSE(fs_.Exists("/data/t-0"));
  EXPECT_FALSE(fs_.Exists("/data/t-99"));
}

}  // namespace
}  // namespace soliton::broker

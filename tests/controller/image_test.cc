// Batches, builder, follower: what goes over the stream and what becomes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/client/metadata_follower.h"
#include "controller/metadata/metadata_batch.h"
#include "runtime/base/random.h"
#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

class ImageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int id = 1; id <= 3; ++id) harness_.Join(id);
    topic_ = harness_.CreateAssigned("t", {{1, 2, 3}, {2, 3, 1}}, 2);
  }
  pb::MetadataPush PushOf(size_t from, size_t to) {
    const auto& log = harness_.log();
    pb::MetadataPush push;
    push.set_batches(std::string(EncodeMetadataBatch({log.begin() + static_cast<int64_t>(from),
                                                      log.begin() + static_cast<int64_t>(to)},
                                                     static_cast<int64_t>(from), 0)
                                     .view()));
    return push;
  }
  MetadataImagePtr ImageOfLog(MetadataBuilder& builder, MetadataDelta* delta) {
    const auto& log = harness_.log();
    for (size_t i = 0; i < log.size(); ++i) {
      EXPECT_TRUE(builder.Apply(log[i], static_cast<int64_t>(i)).ok());
    }
    return builder.Build(delta);
  }

  CoreHarness harness_;
  Uuid topic_;
};

TEST_F(ImageTest, BatchesSurviveTheTrip) {
  const Buffer bytes = EncodeMetadataBatch(harness_.log(), 7, 1234);
  const auto decoded = DecodeMetadataBatches(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  ASSERT_EQ(decoded->size(), 1u);
  EXPECT_EQ(decoded->front().base_offset, 7);
  ASSERT_EQ(decoded->front().records.size(), harness_.log().size());
  for (size_t i = 0; i < harness_.log().size(); ++i) {
    EXPECT_EQ(decoded->front().records[i].SerializeAsString(),
              harness_.log()[i].SerializeAsString());
  }
}

TEST_F(ImageTest, DamagedBatchesAreErrorsNotRecords) {
  const Buffer good = EncodeMetadataBatch(harness_.log(), 0, 0);
  Random random(3);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes(good.view());
    if (random.Chance(1, 3)) {
      bytes.resize(random.Below(bytes.size()));
      if (bytes.empty()) continue;
    } else {
      bytes[random.Below(bytes.size())] ^= static_cast<char>(1 << random.Below(8));
    }
    const auto decoded = DecodeMetadataBatches(Buffer::CopyOf(bytes));
    if (!decoded.ok()) continue;
    // Base offset and leader epoch lie outside the checksum; the records must be the right ones.
    ASSERT_EQ(decoded->size(), 1u);
    ASSERT_EQ(decoded->front().records.size(), harness_.log().size());
  }
}

TEST_F(ImageTest, FrozenImagesDoNotChange) {
  MetadataBuilder builder;
  const auto& log = harness_.log();
  std::vector<MetadataImagePtr> frozen;
  std::vector<MetadataImage> copies;
  for (size_t i = 0; i < log.size(); ++i) {
    ASSERT_TRUE(builder.Apply(log[i], static_cast<int64_t>(i)).ok());
    MetadataDelta delta;
    frozen.push_back(builder.Build(&delta));
    copies.push_back(*frozen.back());
    for (auto& [id, topic] : copies.back().topics_by_id) {
      topic = std::make_shared<TopicInfo>(*topic);
    }
  }
  for (size_t i = 0; i < frozen.size(); ++i) {
    EXPECT_TRUE(SameImages(*frozen[i], copies[i])) << i;
    for (const auto& [name, topic] : frozen[i]->topics_by_name) {
      EXPECT_EQ(topic, frozen[i]->topics_by_id.at(topic->id)) << "one object under both keys";
    }
  }
}

TEST_F(ImageTest, UnchangedTopicsAreShared) {
  const Uuid other = harness_.CreateAssigned("u", {{1}});
  MetadataBuilder builder;
  const auto& log = harness_.log();
  MetadataDelta delta;
  const MetadataImagePtr before = ImageOfLog(builder, &delta);
  pb::MetadataRecord record;
  ToPb(topic_, record.mutable_topic_config()->mutable_topic_id());
  record.mutable_topic_config()->set_name("retention.ms");
  record.mutable_topic_config()->set_value("1");
  ASSERT_TRUE(builder.Apply(record, static_cast<int64_t>(log.size())).ok());
  const MetadataImagePtr after = builder.Build(&delta);
  EXPECT_EQ(delta.changed_topics, std::set<Uuid>{topic_});
  EXPECT_FALSE(delta.brokers_changed);
  EXPECT_EQ(before->FindTopic(other), after->FindTopic(other));
  EXPECT_NE(before->FindTopic(topic_), after->FindTopic(topic_));
}

TEST_F(ImageTest, ADeltaNamesThePartitionsThatChanged) {
  const Uuid other = harness_.CreateAssigned("u", {{1}, {1}, {1}});
  MetadataBuilder builder;
  const auto& log = harness_.log();
  MetadataDelta delta;
  const MetadataImagePtr before = ImageOfLog(builder, &delta);
  EXPECT_EQ(delta.changed_topics, (std::set<Uuid>{topic_, other}));
  EXPECT_TRUE(delta.changed_partitions.empty()) << "all of a new topic are meant";
  auto offset = static_cast<int64_t>(log.size());
  const auto change = [&](int32_t partition) {
    PartitionInfo next = *builder.state().FindPartition(other, partition);
    ++next.partition_epoch;
    pb::MetadataRecord record;
    ToPb(other, record.mutable_partition_change()->mutable_topic_id());
    record.mutable_partition_change()->set_partition(partition);
    ToPb(next, record.mutable_partition_change()->mutable_state());
    ASSERT_TRUE(builder.Apply(record, offset++).ok());
  };
  change(2);
  const MetadataImagePtr changed = builder.Build(&delta);
  EXPECT_TRUE(delta.changed_topics.empty());
  EXPECT_EQ(delta.changed_partitions, (std::map<Uuid, std::set<int32_t>>{{other, {2}}}));
  EXPECT_EQ(DiffImages(*before, *changed).changed_partitions, delta.changed_partitions);
  EXPECT_FALSE(SameImages(*before, *changed));
  change(0);
  pb::MetadataRecord removed;
  ToPb(other, removed.mutable_remove_topic()->mutable_id());
  ASSERT_TRUE(builder.Apply(removed, offset).ok());
  builder.Build(&delta);
  EXPECT_TRUE(delta.changed_partitions.empty()) << "gone with their topic";
  EXPECT_EQ(delta.deleted_topics, std::set<Uuid>{other});
}

// S24: a record that does not fit must stop whoever applies it, and must not half-apply.
TEST_F(ImageTest, ContradictionsAreErrors) {
  const auto refused = [&](auto fill) {
    MetadataBuilder builder;
    const auto& log = harness_.log();
    for (size_t i = 0; i < log.size(); ++i) {
      EXPECT_TRUE(builder.Apply(log[i], static_cast<int64_t>(i)).ok());
    }
    pb::MetadataRecord record;
    fill(&record);
    const absl::Status applied = builder.Apply(record, static_cast<int64_t>(log.size()));
    return absl::IsDataLoss(applied) && SameImages(builder.state(), harness_.image());
  };
  EXPECT_TRUE(refused([](pb::MetadataRecord*) {})) << "unknown kind";
  EXPECT_TRUE(refused([](auto* r) { r->mutable_cluster()->set_cluster_id("x"); }));
  EXPECT_TRUE(refused([](auto* r) {
    r->mutable_broker_change()->set_broker_id(1);
    r->mutable_broker_change()->set_broker_epoch(99999);
  }));
  EXPECT_TRUE(refused([](auto* r) { r->mutable_register_broker()->set_broker_id(1); }));
  EXPECT_TRUE(refused([](auto* r) { r->mutable_topic()->set_name("t"); }));
  EXPECT_TRUE(refused([](auto* r) { r->mutable_remove_topic(); }));
  EXPECT_TRUE(refused([](auto* r) { r->mutable_topic_config()->set_name("x"); }));
  EXPECT_TRUE(refused([](auto* r) { r->mutable_producer_ids()->set_next_producer_id(-5); }));
  EXPECT_TRUE(refused([&](auto* r) {
    ToPb(topic_, r->mutable_partition()->mutable_topic_id());
    r->mutable_partition()->set_partition(5);
  }));
  for (const int32_t partition_epoch : {-1, 0, 2}) {
    EXPECT_TRUE(refused([&](auto* r) {
      PartitionInfo next = harness_.Partition(topic_);
      next.partition_epoch = partition_epoch;
      ToPb(topic_, r->mutable_partition_change()->mutable_topic_id());
      ToPb(next, r->mutable_partition_change()->mutable_state());
    }));
  }
}

TEST_F(ImageTest, TheFollowerNeedsEveryBatchInOrder) {
  const size_t end = harness_.log().size();
  MetadataFollower follower;
  ASSERT_TRUE(follower.OnPush(PushOf(0, 5)).ok());
  EXPECT_EQ(follower.next_offset(), 5);
  EXPECT_FALSE(follower.OnPush(PushOf(6, end)).ok()) << "a gap";
  EXPECT_EQ(follower.next_offset(), 5);
  ASSERT_TRUE(follower.OnPush(PushOf(5, end)).ok());
  EXPECT_TRUE(SameImages(*follower.image(), harness_.image()));
  const auto again = follower.OnPush(PushOf(5, end));
  ASSERT_TRUE(again.ok()) << "a second subscription may bring it once more";
  EXPECT_FALSE(again->has_value()) << "and it is passed over";
  EXPECT_TRUE(SameImages(*follower.image(), harness_.image()));
}

TEST_F(ImageTest, TheFollowerRejectsPiecesOfNoSnapshot) {
  MetadataFollower follower;
  pb::MetadataPush push = PushOf(0, 2);
  push.set_is_snapshot(true);
  push.set_snapshot_end(true);
  push.set_snapshot_offset(10);
  EXPECT_FALSE(follower.OnPush(push).ok());
  push.set_snapshot_begin(true);
  ASSERT_TRUE(follower.OnPush(push).ok());
  EXPECT_EQ(follower.next_offset(), 11);
  push.set_snapshot_offset(9);
  EXPECT_FALSE(follower.OnPush(push).ok()) << "metadata never goes back";
}

}  // namespace
}  // namespace soliton::controller

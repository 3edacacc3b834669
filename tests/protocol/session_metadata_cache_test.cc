#include <gtest/gtest.h>

#include "protocol/session/metadata_cache.h"

namespace soliton::kafka {
namespace {

constexpr Uuid kId{1, 1};
constexpr Uuid kOtherId{2, 2};

struct Shape {
  Uuid id = kId;
  int32_t leader = 1;
  int32_t epoch = 5;
  ErrorCode error = ErrorCode::NONE;
  bool with_partition = true;
};

MetadataResponse Answer(const Shape& shape) {
  MetadataResponse response;
  for (int32_t id = 1; id <= 2; ++id) {
    auto& broker = response.brokers.emplace_back();
    broker.node_id = id;
    broker.host = "host" + std::to_string(id);
    broker.port = 9092;
  }
  auto& topic = response.topics.emplace_back();
  topic.name = "t";
  topic.topic_id = shape.id;
  topic.error_code = shape.error;
  if (shape.with_partition) {
    auto& partition = topic.partitions.emplace_back();
    partition.leader_id = shape.leader;
    partition.leader_epoch = shape.epoch;
  }
  return response;
}

class MetadataCacheTest : public ::testing::Test {
 protected:
  void Apply(const Shape& shape) { cache_.Apply(Answer(shape), std::set<std::string>{"t"}); }
  MetadataCache cache_;
};

TEST_F(MetadataCacheTest, KnowsBrokersTopicsAndLeaders) {
  EXPECT_EQ(cache_.generation(), 0u);
  Apply({});
  EXPECT_EQ(cache_.generation(), 1u);
  EXPECT_EQ(cache_.LeaderOf("t", 0), (PartitionLeader{1, 5}));
  EXPECT_EQ(cache_.FindBroker(2)->endpoint, (Endpoint{"host2", 9092}));
  EXPECT_EQ(cache_.FindById(kId)->name, "t");
  EXPECT_EQ(cache_.LeaderOf("t", 1).leader_id, -1);
  EXPECT_EQ(cache_.LeaderOf("other", 0).leader_id, -1);
}

TEST_F(MetadataCacheTest, NeverGoesBackToAnOlderLeaderEpoch) {
  Apply({.leader = 2, .epoch = 7});
  Apply({.leader = 1, .epoch = 6});  // from a broker that lags behind
  EXPECT_EQ(cache_.LeaderOf("t", 0), (PartitionLeader{2, 7}));
  Apply({.leader = 1, .epoch = 8});
  EXPECT_EQ(cache_.LeaderOf("t", 0), (PartitionLeader{1, 8}));
}

TEST_F(MetadataCacheTest, ATopicMadeAgainStartsAfresh) {
  Apply({.leader = 2, .epoch = 7});
  Apply({.id = kOtherId, .leader = 1, .epoch = 0});
  EXPECT_EQ(cache_.LeaderOf("t", 0), (PartitionLeader{1, 0}));
  EXPECT_EQ(cache_.FindById(kId), nullptr);
  EXPECT_NE(cache_.FindById(kOtherId), nullptr);
}

TEST_F(MetadataCacheTest, HintsCountOnlyWhenNewer) {
  Apply({});
  EXPECT_FALSE(cache_.UpdateLeader("t", 0, {2, 5}));
  EXPECT_FALSE(cache_.UpdateLeader("t", 0, {-1, 9}));
  EXPECT_FALSE(cache_.UpdateLeader("t", 3, {2, 9}));
  EXPECT_TRUE(cache_.UpdateLeader("t", 0, {2, 6}));
  EXPECT_EQ(cache_.LeaderOf("t", 0), (PartitionLeader{2, 6}));
}

TEST_F(MetadataCacheTest, ATopicThatIsOnlyUnavailableKeepsItsPartitions) {
  Apply({});
  Apply({.error = ErrorCode::LEADER_NOT_AVAILABLE, .with_partition = false});
  EXPECT_EQ(cache_.Find("t")->error, ErrorCode::LEADER_NOT_AVAILABLE);
  EXPECT_EQ(cache_.LeaderOf("t", 0).leader_id, 1);
  Apply({.error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, .with_partition = false});
  EXPECT_EQ(cache_.LeaderOf("t", 0).leader_id, -1);
  EXPECT_EQ(cache_.FindById(kId), nullptr);
}

TEST_F(MetadataCacheTest, WhatAnAnswerLeavesOutIsGoneOnlyWhenItWasAskedFor) {
  Apply({});
  MetadataResponse empty;
  cache_.Apply(empty, std::set<std::string>{"other"});
  EXPECT_NE(cache_.Find("t"), nullptr);
  EXPECT_NE(cache_.FindBroker(1), nullptr) << "an answer without brokers teaches nothing";
  cache_.Apply(empty, std::nullopt);
  EXPECT_EQ(cache_.Find("t"), nullptr);
}

}  // namespace
}  // namespace soliton::kafka

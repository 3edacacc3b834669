#include "producer/produce_wire.h"

#include <gtest/gtest.h>

#include "producer/produce_status.h"
#include "producer/topic_router.h"
#include "protocol/record/record_batch.h"

namespace soliton::producer {
namespace {

using kafka::ErrorCode;

TEST(ProduceWireTest, AnotherSequenceMakesACopy) {
  ProducerBatch batch(1, 0, {});
  batch.builder->Append(1000, "k", "v");
  const Buffer first = EncodedBatch(batch, {0, 1, {7, 0}, 100});
  EXPECT_FALSE(batch.builder.has_value());
  EXPECT_EQ(EncodedBatch(batch, {0, 1, {7, 0}, 100}).data(), first.data());
  const Buffer second = EncodedBatch(batch, {0, 1, {7, 1}, 0});
  EXPECT_NE(second.data(), first.data());
  const auto old_view = kafka::RecordBatchView::Parse(first);
  const auto new_view = kafka::RecordBatchView::Parse(second);
  ASSERT_TRUE(old_view.ok() && new_view.ok());
  EXPECT_EQ(old_view->base_sequence(), 100);
  EXPECT_EQ(new_view->base_sequence(), 0);
  EXPECT_EQ(new_view->producer_epoch(), 1);
  EXPECT_TRUE(old_view->CrcMatches());
  EXPECT_TRUE(new_view->CrcMatches());
}

TEST(ProduceWireTest, PartitionsOfATopicStandTogether) {
  kafka::ProduceRequest request;
  AddBatch(request, {"a", 1}, Buffer::CopyOf("1"));
  AddBatch(request, {"b", 0}, Buffer::CopyOf("2"));
  AddBatch(request, {"a", 2}, Buffer::CopyOf("3"));
  ASSERT_EQ(request.topic_data.size(), 2u);
  EXPECT_EQ(request.topic_data[0].partition_data.size(), 2u);
  EXPECT_EQ(request.topic_data[0].partition_data[1].index, 2);
}

TEST(ProduceWireTest, AnswersCarryTheLeaderHintWithItsAddress) {
  kafka::ProduceResponse response;
  auto& topic = response.responses.emplace_back();
  topic.name = "a";
  auto& partition = topic.partition_responses.emplace_back();
  partition.index = 3;
  partition.error_code = ErrorCode::NOT_LEADER_OR_FOLLOWER;
  partition.current_leader.leader_id = 9;
  partition.current_leader.leader_epoch = 4;
  auto& node = response.node_endpoints.emplace_back();
  node.node_id = 9;
  node.host = "h";
  node.port = 1234;
  const auto answers = AnswersOf(response);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].where, (PartitionName{"a", 3}));
  EXPECT_EQ(answers[0].leader_hint, (kafka::PartitionLeader{9, 4}));
  ASSERT_TRUE(answers[0].leader_info.has_value());
  EXPECT_EQ(answers[0].leader_info->endpoint, (Endpoint{"h", 1234}));
}

TEST(ProduceStatusTest, SaysWhetherTheRecordsMayBeWritten) {
  const absl::Status absent = StatusOf({.error = ErrorCode::MESSAGE_TOO_LARGE}, seconds(1));
  EXPECT_EQ(absent.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(absent.message()).find("were not written"), std::string::npos);
  const absl::Status doubtful =
      StatusOf({.error = ErrorCode::REQUEST_TIMED_OUT, .timed_out = true, .maybe_appended = true},
               milliseconds(1500));
  EXPECT_EQ(doubtful.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_NE(std::string(doubtful.message()).find("1500 ms"), std::string::npos);
  EXPECT_NE(std::string(doubtful.message()).find("may have been written"), std::string::npos);
}

kafka::MetadataResponse Metadata(ErrorCode error, int partitions) {
  kafka::MetadataResponse response;
  auto& topic = response.topics.emplace_back();
  topic.name = "t";
  topic.error_code = error;
  for (int i = 0; i < partitions; ++i) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = i;
    partition.leader_id = 1;
  }
  return response;
}

class TopicRouterTest : public ::testing::Test {
 protected:
  TopicRouterTest() : router_({}, 1) { router_.AddTopic("t"); }
  void Learn(ErrorCode error, int partitions) {
    cache_.Apply(Metadata(error, partitions), std::set<std::string>{"t"});
    router_.Update(cache_);
  }
  PendingRecord Pending(int64_t ms) {
    PendingRecord pending;
    pending.record.topic = "t";
    pending.sent_at = MonotonicTime(milliseconds(ms));
    return pending;
  }
  kafka::MetadataCache cache_;
  TopicRouter router_;
};

TEST_F(TopicRouterTest, RecordsWaitInOrderUntilTheTopicIsKnown) {
  EXPECT_FALSE(router_.AddTopic("t"));
  const ProducerRecord record{.topic = "t", .key = "abc"};
  EXPECT_EQ(*router_.Route(record), std::nullopt);
  router_.Park(Pending(1));
  Learn(ErrorCode::NONE, 5);
  EXPECT_EQ(*router_.Route(record), std::nullopt) << "others were there first";
  EXPECT_EQ(router_.TakeRoutable().size(), 1u);
  EXPECT_EQ(*router_.Route(record), 479470107 % 5);
}

TEST_F(TopicRouterTest, APartitionThatIsNotKnownIsWaitedForAndHoldsUpNoOther) {
  Learn(ErrorCode::NONE, 2);
  EXPECT_EQ(*router_.Route({.topic = "t", .partition = 1}), 1);
  EXPECT_FALSE(router_.wants_refresh());
  EXPECT_EQ(router_.Route({.topic = "t", .partition = -1}).status().code(),
            absl::StatusCode::kInvalidArgument);
  for (const int32_t partition : {2, 3, 2}) {
    PendingRecord pending = Pending(10 + partition);
    pending.record.partition = partition;
    EXPECT_EQ(*router_.Route(pending.record), std::nullopt);
    router_.Park(std::move(pending));
  }
  EXPECT_TRUE(router_.wants_refresh());
  EXPECT_EQ(*router_.Route({.topic = "t", .partition = 1}), 1);
  Learn(ErrorCode::NONE, 3);
  const std::vector<PendingRecord> routable = router_.TakeRoutable();
  ASSERT_EQ(routable.size(), 2u);
  EXPECT_EQ(*router_.Route(routable[1].record), 2);
  EXPECT_TRUE(router_.wants_refresh());
  EXPECT_EQ(router_.OldestParked(), MonotonicTime(milliseconds(13)));
  EXPECT_TRUE(router_.TakeFailed(MonotonicTime(milliseconds(12)), seconds(1)).empty());
  const auto failed = router_.TakeFailed(MonotonicTime(milliseconds(13)), seconds(1));
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_TRUE(absl::IsInvalidArgument(failed[0].second)) << failed[0].second;
  EXPECT_FALSE(router_.wants_refresh());
}

TEST_F(TopicRouterTest, FinalErrorsFailAtOnceOthersAfterAWhile) {
  router_.Park(Pending(10));
  Learn(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, 0);
  EXPECT_TRUE(router_.TakeFailed(MonotonicTime(milliseconds(9)), seconds(1)).empty());
  auto failed = router_.TakeFailed(MonotonicTime(milliseconds(10)), seconds(1));
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_TRUE(absl::IsNotFound(failed[0].second));
  router_.Park(Pending(10));
  Learn(ErrorCode::TOPIC_AUTHORIZATION_FAILED, 0);
  failed = router_.TakeFailed(MonotonicTime(milliseconds(0)), seconds(1));
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_TRUE(absl::IsPermissionDenied(failed[0].second));
}

}  // namespace
}  // namespace soliton::producer

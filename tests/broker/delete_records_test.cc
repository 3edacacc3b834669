// What DeleteRecords does, on one replica and in a cluster.
#include "protocol/messages/delete_records.h"

#include "tests/broker/broker_cluster.h"
#include "tests/broker/partition_fixture.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class DeletingPartitionTest : public PartitionTest {
 protected:
  // Two committed batches of two records each; brokers 2 and 3 follow from offset 0.
  void Fill() {
    Lead(5, {1, 2, 3});
    Append(2);
    Append(2);
    Flush();
    FetchFrom(2, 0);
    FetchFrom(3, 0);
    ASSERT_EQ(high_watermark(), 4);
  }
  // A fetch at the end by a follower whose log begins at `log_start_offset`.
  void FetchFrom(int32_t follower, int64_t log_start_offset) {
    FetchArgs args;
    args.replica_id = follower;
    args.replica_epoch = 100 + follower;
    args.fetch_offset = log().log_end_offset();
    args.flushed_offset = args.fetch_offset;
    args.log_start_offset = log_start_offset;
    args.current_leader_epoch = partition_->replica().leader_epoch();
    args.last_fetched_epoch = log().latest_leader_epoch();
    EXPECT_EQ(partition_->Read(args).error, ErrorCode::NONE);
  }
  std::shared_ptr<std::optional<DeleteOutcome>> WaitFor(int64_t offset) {
    auto result = std::make_shared<std::optional<DeleteOutcome>>();
    partition_->WhenDeleted(offset, [result](const DeleteOutcome& outcome) { *result = outcome; });
    return result;
  }
};

TEST_F(DeletingPartitionTest, OnlyWhatIsCommittedAndDurably) {
  Lead(5, {1});
  min_isr_ = 1;
  Lead(6, {1});
  for (int i = 0; i < 4; ++i) Append(2);
  EXPECT_EQ(partition_->DeleteRecordsBefore(1).error, ErrorCode::OFFSET_OUT_OF_RANGE)
      << "not committed";
  Flush();
  ASSERT_EQ(high_watermark(), 8);
  EXPECT_EQ(partition_->DeleteRecordsBefore(9).error, ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(partition_->DeleteRecordsBefore(-2).error, ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(partition_->DeleteRecordsBefore(3).required_offset, 3);
  EXPECT_EQ(log().log_start_offset(), 3);
  EXPECT_EQ(partition_->DeleteRecordsBefore(1).error, ErrorCode::NONE) << "gone already";
  EXPECT_EQ(log().log_start_offset(), 3);
  EXPECT_EQ(Consume(2).error, ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(Consume(3).error, ErrorCode::NONE);
  EXPECT_EQ(partition_->DeleteRecordsBefore(-1).required_offset, 8);
  partition_.reset();
  fs_.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
  Open();
  EXPECT_EQ(log().log_start_offset(), 8);
  Follow(2, 7);
  EXPECT_EQ(partition_->DeleteRecordsBefore(-1).error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

TEST_F(DeletingPartitionTest, DoneWhenTheLogsOfAllLiveReplicasBeginThere) {
  Fill();
  auto parked = Park(true);
  EXPECT_EQ(partition_->DeleteRecordsBefore(3).low_watermark, 0);
  EXPECT_TRUE(parked->spent()) << "followers hear of it at once";
  auto result = WaitFor(3);
  FetchFrom(2, 3);
  EXPECT_FALSE(result->has_value());
  FetchFrom(3, 2);
  EXPECT_FALSE(result->has_value());
  FetchFrom(3, 3);
  ASSERT_TRUE(result->has_value());
  EXPECT_EQ((*result)->error, ErrorCode::NONE);
  EXPECT_EQ((*result)->low_watermark, 3);
  EXPECT_EQ(partition_->DeleteRecordsBefore(2).low_watermark, 3) << "nothing to wait for";
  EXPECT_TRUE(WaitFor(2)->has_value());

  // One that goes away is not waited for.
  partition_->DeleteRecordsBefore(4);
  FetchFrom(2, 4);
  result = WaitFor(4);
  EXPECT_FALSE(result->has_value());
  brokers_[3].usable = false;
  partition_->OnTick();
  ASSERT_TRUE(result->has_value());
  EXPECT_EQ((*result)->low_watermark, 4);
}

TEST_F(DeletingPartitionTest, WhatFollowersSaidInAnOlderEpochDoesNotCount) {
  Fill();
  partition_->DeleteRecordsBefore(2);
  FetchFrom(2, 2);
  FetchFrom(3, 2);
  Lead(6, {1, 2, 3});
  EXPECT_EQ(partition_->DeleteRecordsBefore(2).low_watermark, -1);
  FetchFrom(2, 2);
  FetchFrom(3, 2);
  EXPECT_EQ(partition_->DeleteRecordsBefore(2).low_watermark, 2);
}

TEST_F(DeletingPartitionTest, LosingTheLeadOrTheDiskEndsTheWait) {
  Fill();
  partition_->DeleteRecordsBefore(2);
  auto result = WaitFor(2);
  Follow(2, 6);
  ASSERT_TRUE(result->has_value());
  EXPECT_EQ((*result)->error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(WaitFor(2)->value().error, ErrorCode::NOT_LEADER_OR_FOLLOWER);

  Lead(7, {1, 2, 3});
  result = WaitFor(2);
  fs_.FailNext(sim::FileOperation::kSync, "recovery-point", absl::DataLossError("EIO"));
  EXPECT_EQ(partition_->DeleteRecordsBefore(3).error, ErrorCode::KAFKA_STORAGE_ERROR);
  ASSERT_TRUE(result->has_value());
  EXPECT_EQ((*result)->error, ErrorCode::KAFKA_STORAGE_ERROR);
}

class DeleteRecordsTest : public BrokerClusterTest {
 protected:
  kafka::DeleteRecordsResponse::DeleteRecordsPartitionResult Delete(int to, int64_t offset,
                                                                    int32_t partition = 0,
                                                                    int32_t timeout_ms = 5000) {
    kafka::DeleteRecordsRequest request;
    request.timeout_ms = timeout_ms;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    auto& wanted = topic.partitions.emplace_back();
    wanted.partition_index = partition;
    wanted.offset = offset;
    auto response = Call(to, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response->topics.at(0).partitions.at(0);
  }
};

TEST_F(DeleteRecordsTest, AllReplicasBeginThereWhenItIsAnswered) {
  Start(3);
  const Uuid id = CreateTopic("t");
  const int leader = LeaderOf("t");
  for (int i = 0; i < 5; ++i) ASSERT_EQ(Produce(leader, id, 0, "value"), ErrorCode::NONE);
  EXPECT_EQ(Delete(leader, 6).error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(Delete(leader, -2).error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(Delete(leader, 1, 7).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(Delete(leader % 3 + 1, 1).error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  auto deleted = Delete(leader, 3);
  EXPECT_EQ(deleted.error_code, ErrorCode::NONE);
  EXPECT_EQ(deleted.low_watermark, 3);
  for (int broker = 1; broker <= 3; ++broker) EXPECT_EQ(Replica(broker, "t")->log_start_offset, 3);
  EXPECT_EQ(Delete(leader, 2).low_watermark, 3) << "nothing comes back";
  EXPECT_EQ(Fetched(Call(leader, FetchFrom(id, 0, 2))).error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_GT(Fetched(Call(leader, FetchFrom(id, 0, 3))).records.size_bytes(), 0);
  deleted = Delete(leader, -1);
  EXPECT_EQ(deleted.low_watermark, 5);
  // Durable: also after all brokers lose what they had not synced.
  for (int broker = 1; broker <= 3; ++broker) {
    node(broker).Crash({.model = sim::CrashModel::kLoseUnsynced});
  }
  for (int broker = 1; broker <= 3; ++broker) RestartAndServe(broker);
  ASSERT_TRUE(world_.RunUntil([&] { return OpenReplicas(id) == 3; }, seconds(20)));
  EXPECT_EQ(Replica(leader, "t")->log_start_offset, 5);
}

TEST_F(DeleteRecordsTest, WaitsForLiveReplicasOnly) {
  Start(3);
  const Uuid id = CreateTopic("t");
  const int leader = LeaderOf("t");
  const int other = leader % 3 + 1;
  ASSERT_EQ(Produce(leader, id, 0, "value"), ErrorCode::NONE);
  StopCleanly(other);
  EXPECT_EQ(Delete(leader, 1).error_code, ErrorCode::NONE);
  RestartAndServe(other);
  EXPECT_TRUE(world_.RunUntil(
      [&] {
        auto replica = Replica(other, "t");
        return replica && replica->log_start_offset == 1;
      },
      seconds(20)));
}

TEST_F(DeleteRecordsTest, CompactedTopicsRefuse) {
  Start(1);
  CreateTopic("t", 1, 1, {{"cleanup.policy", "compact"}});
  EXPECT_EQ(Delete(1, 0).error_code, ErrorCode::POLICY_VIOLATION);
}

}  // namespace
}  // namespace soliton::broker

#include "consumer/batch_reader.h"

#include <gtest/gtest.h>

#include "consumer/fetch_wire.h"
#include "protocol/record/batch_builder.h"
#include "protocol/record/control_record.h"

namespace soliton::consumer {
namespace {

using kafka::RecordBatchView;

struct BatchShape {
  int64_t base_offset = 0;
  int records = 3;
  int64_t producer_id = -1;
  bool transactional = false;
  kafka::Codec codec = kafka::Codec::kNone;
};

Buffer Bytes(const BatchShape& shape) {
  kafka::BatchBuilder builder(
      {.codec = shape.codec,
       .base_offset = shape.base_offset,
       .leader_epoch = 4,
       .producer_id = shape.producer_id,
       .producer_epoch = static_cast<int16_t>(shape.producer_id < 0 ? -1 : 0),
       .base_sequence = shape.producer_id < 0 ? -1 : 0,
       .transactional = shape.transactional});
  for (int i = 0; i < shape.records; ++i) {
    const std::string value = "v" + std::to_string(shape.base_offset + i);
    builder.Append(1000 + i, "k", value, {});
  }
  return builder.Build();
}
RecordBatchView Batch(const BatchShape& shape) { return *RecordBatchView::Parse(Bytes(shape)); }

RecordBatchView Marker(kafka::ControlType type, int64_t producer_id, int64_t offset) {
  auto batch =
      *RecordBatchView::Parse(kafka::BuildEndTransactionBatch(type, producer_id, 0, {}, 1000));
  batch.SetBaseOffset(offset);
  return batch;
}

TEST(BatchReaderTest, ReadsRecordsFromTheWantedOffsetOn) {
  BatchReader reader({});
  const auto set = reader.Read(Batch({.base_offset = 10}), 11);
  ASSERT_TRUE(set.ok());
  ASSERT_EQ(set->records.size(), 2u);
  EXPECT_EQ(set->records[0].offset, 11);
  EXPECT_EQ(set->records[0].timestamp_ms, 1001);
  EXPECT_EQ(*set->records[0].value, "v11");
  EXPECT_EQ(*set->records[0].key, "k");
  EXPECT_EQ(set->next_offset, 13);
  EXPECT_EQ(set->leader_epoch, 4);
}

TEST(BatchReaderTest, ReadsEveryCodec) {
  for (const auto codec :
       {kafka::Codec::kGzip, kafka::Codec::kSnappy, kafka::Codec::kLz4, kafka::Codec::kZstd}) {
    BatchReader reader({});
    const auto set = reader.Read(Batch({.records = 100, .codec = codec}), 0);
    ASSERT_TRUE(set.ok()) << kafka::CodecName(codec);
    EXPECT_EQ(set->records.size(), 100u);
    EXPECT_EQ(*set->records[99].value, "v99");
  }
}

TEST(BatchReaderTest, ADamagedBatchIsDataLossUnlessNotChecked) {
  Buffer bytes = Bytes({.base_offset = 5});
  bytes.mutable_data()[bytes.size() - 2] ^= 1;  // in the last value
  const auto batch = *RecordBatchView::Parse(bytes);
  BatchReader checking({});
  const auto refused = checking.Read(batch, 5);
  EXPECT_TRUE(absl::IsDataLoss(refused.status()));
  EXPECT_NE(std::string(refused.status().message()).find("offset 5"), std::string::npos);
  BatchReader trusting({.check_crc = false});
  EXPECT_TRUE(trusting.Read(batch, 5).ok());
}

TEST(BatchReaderTest, ABombIsRefused) {
  kafka::BatchBuilder builder({.codec = kafka::Codec::kGzip});
  builder.Append(1, std::nullopt, std::string(1 << 20, 'x'));
  BatchReader reader({.max_batch_bytes = 1 << 16});
  EXPECT_TRUE(absl::IsDataLoss(reader.Read(*RecordBatchView::Parse(builder.Build()), 0).status()));
}

TEST(BatchReaderTest, ControlBatchesOnlyMoveThePosition) {
  BatchReader reader({});
  const auto set = reader.Read(Marker(kafka::ControlType::kCommit, 7, 30), 30);
  ASSERT_TRUE(set.ok());
  EXPECT_TRUE(set->records.empty());
  EXPECT_EQ(set->next_offset, 31);
}

TEST(BatchReaderTest, ReadCommittedDropsAbortedTransactionsUpToTheirMarker) {
  BatchReader reader({.read_committed = true});
  reader.BeginAnswer({{7, 10}});
  const BatchShape open{.base_offset = 10, .producer_id = 7, .transactional = true};
  const BatchShape other{.base_offset = 13, .producer_id = 8, .transactional = true};
  const BatchShape plain{.base_offset = 16, .producer_id = 7};
  BatchShape later = open;
  later.base_offset = 20;
  EXPECT_TRUE(reader.Read(Batch(open), 10)->records.empty());
  EXPECT_EQ(reader.Read(Batch(other), 13)->records.size(), 3u);
  EXPECT_EQ(reader.Read(Batch(plain), 16)->records.size(), 3u) << "not part of a transaction";
  EXPECT_TRUE(reader.Read(Marker(kafka::ControlType::kAbort, 7, 19), 19)->records.empty());
  EXPECT_EQ(reader.Read(Batch(later), 20)->records.size(), 3u) << "the next transaction";
}

TEST(BatchReaderTest, ATransactionCountsFromItsFirstOffsetOnly) {
  BatchReader reader({.read_committed = true});
  reader.BeginAnswer({{7, 20}});
  EXPECT_EQ(reader.Read(Batch({.base_offset = 10, .producer_id = 7, .transactional = true}), 10)
                ->records.size(),
            3u);
}

TEST(BatchReaderTest, ReadUncommittedIgnoresTheList) {
  BatchReader reader({});
  reader.BeginAnswer({{7, 0}});
  EXPECT_EQ(reader.Read(Batch({.producer_id = 7, .transactional = true}), 0)->records.size(), 3u);
}

class FetchWireTest : public ::testing::Test {
 protected:
  // One partition's answer made of these bytes.
  FetchAnswer AnswerWith(const std::string& bytes) {
    kafka::FetchResponse response;
    auto& topic = response.responses.emplace_back();
    topic.topic = "t";
    auto& partition = topic.partitions.emplace_back();
    partition.high_watermark = 99;
    partition.records = kafka::Records(Buffer::CopyOf(bytes));
    return AnswersOf(response, cache_).at(0);
  }
  kafka::MetadataCache cache_;
};

TEST_F(FetchWireTest, WholeBatchesCountAndACutTailDoesNot) {
  const std::string first(Bytes({.base_offset = 10}).view());
  const std::string second(Bytes({.base_offset = 13}).view());
  const FetchAnswer answer = AnswerWith(first + second.substr(0, second.size() - 1));
  EXPECT_TRUE(answer.damage.ok());
  EXPECT_EQ(answer.batches.size(), 1u);
  EXPECT_EQ(answer.outcome.next_offset, 13);
  EXPECT_EQ(answer.outcome.last_batch_epoch, 4);
  EXPECT_EQ(answer.outcome.records_bytes, static_cast<int64_t>(first.size()));
  EXPECT_EQ(answer.outcome.high_watermark, 99);
}

TEST_F(FetchWireTest, ALoneCutBatchTellsItsSize) {
  const std::string batch(Bytes({}).view());
  const FetchAnswer answer = AnswerWith(batch.substr(0, 40));
  EXPECT_EQ(answer.outcome.next_offset, -1);
  EXPECT_EQ(answer.outcome.cut_batch_bytes, static_cast<int64_t>(batch.size()));
}

TEST_F(FetchWireTest, GarbageIsDamage) {
  EXPECT_FALSE(AnswerWith(std::string(200, '\xff')).damage.ok());
}

TEST_F(FetchWireTest, WithoutATopicIdTheRequestNamesTopics) {
  const FetchPlan plan{1, 1, {{0, 42, 3, 2, 1000}}};
  EXPECT_EQ(BuildFetch(plan, {{"t", 5}}, cache_, {}, true).max_version, kMaxNamedFetchVersion);
  kafka::MetadataResponse metadata;
  auto& topic = metadata.topics.emplace_back();
  topic.name = "t";
  topic.topic_id = Uuid{1, 2};
  metadata.topics[0].partitions.emplace_back().partition_index = 5;
  cache_.Apply(metadata, std::nullopt);
  const BuiltFetch built = BuildFetch(plan, {{"t", 5}}, cache_, {}, true);
  EXPECT_EQ(built.max_version, kMaxFetchVersion);
  ASSERT_EQ(built.request.topics.size(), 1u);
  EXPECT_EQ(built.request.topics[0].topic_id, (Uuid{1, 2}));
  EXPECT_EQ(built.request.isolation_level, 1);
  const auto& partition = built.request.topics[0].partitions.at(0);
  EXPECT_EQ(partition.partition, 5);
  EXPECT_EQ(partition.fetch_offset, 42);
  EXPECT_EQ(partition.last_fetched_epoch, 2);
  EXPECT_EQ(partition.current_leader_epoch, 3);
}

TEST_F(FetchWireTest, AnswersByUnknownTopicIdAreLeftOut) {
  kafka::FetchResponse response;
  response.responses.emplace_back().topic_id = Uuid{9, 9};
  response.responses[0].partitions.emplace_back();
  EXPECT_TRUE(AnswersOf(response, cache_).empty());
}

}  // namespace
}  // namespace soliton::consumer

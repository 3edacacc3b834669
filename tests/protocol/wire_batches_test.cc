// Our record batches against bytes that Apache Kafka's own classes wrote: format 2 with each codec,
// transaction markers, and formats 0 and 1, which are refused.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "absl/strings/escaping.h"
#include "protocol/record/control_record.h"
#include "runtime/base/check.h"
#include "tests/protocol/record_test_util.h"
#include "tests/protocol/wire_vectors.h"

namespace soliton::kafka {
namespace {

namespace json = boost::json;

std::string Text(const json::value& value) {
  return {value.as_string().data(), value.as_string().size()};
}
std::optional<std::string> Bytes(const json::value& value) {
  if (value.is_null()) return std::nullopt;
  std::string bytes;
  CHECK(absl::Base64Unescape(Text(value), &bytes));
  return bytes;
}

std::vector<OwnedRecord> RecordsOf(const json::object& batch) {
  std::vector<OwnedRecord> records;
  for (const json::value& value : batch.at("records").as_array()) {
    const json::object& in = value.as_object();
    OwnedRecord& record = records.emplace_back();
    record.timestamp_ms = in.at("timestamp").as_int64();
    record.key = Bytes(in.at("key"));
    record.value = Bytes(in.at("value"));
    for (const json::value& header : in.at("headers").as_array()) {
      record.headers.emplace_back(Text(header.as_object().at("key")),
                                  Bytes(header.as_object().at("value")));
    }
  }
  return records;
}

void ExpectHeader(const RecordBatchView& batch, const json::object& expected) {
  EXPECT_TRUE(batch.CrcMatches());
  EXPECT_EQ(batch.crc(), expected.at("crc").as_int64());
  EXPECT_EQ(batch.base_offset(), expected.at("baseOffset").as_int64());
  EXPECT_EQ(batch.last_offset(), expected.at("lastOffset").as_int64());
  EXPECT_EQ(CodecName(batch.codec()), Text(expected.at("codec")));
  EXPECT_EQ(batch.leader_epoch(), expected.at("partitionLeaderEpoch").as_int64());
  EXPECT_EQ(batch.producer_id(), expected.at("producerId").as_int64());
  EXPECT_EQ(batch.producer_epoch(), expected.at("producerEpoch").as_int64());
  EXPECT_EQ(batch.base_sequence(), expected.at("baseSequence").as_int64());
  EXPECT_EQ(batch.is_transactional(), expected.at("isTransactional").as_bool());
  EXPECT_EQ(batch.is_control(), expected.at("isControl").as_bool());
  EXPECT_EQ(batch.max_timestamp(), expected.at("maxTimestamp").as_int64());
  EXPECT_EQ(batch.timestamp_type() == TimestampType::kLogAppendTime,
            Text(expected.at("timestampType")) == "LogAppendTime");
}

// The batch again, from its records, in `codec`.
Buffer Rebuild(const RecordBatchView& batch, Codec codec) {
  BatchBuilder builder({.codec = codec,
                        .timestamp_type = batch.timestamp_type(),
                        .log_append_time_ms = batch.max_timestamp(),
                        .base_offset = batch.base_offset(),
                        .leader_epoch = batch.leader_epoch(),
                        .producer_id = batch.producer_id(),
                        .producer_epoch = batch.producer_epoch(),
                        .base_sequence = batch.base_sequence(),
                        .transactional = batch.is_transactional()});
  auto records = RecordIterator::Open(batch, 1 << 20);
  CHECK(records.ok());
  for (Record record; *records->Next(record);) {
    // Of LogAppendTime too: the producer's own time stays in the record.
    builder.Append(batch.base_timestamp() + record.timestamp_delta, record.key, record.value,
                   record.headers);
  }
  return builder.Build();
}

void CheckBatch(const WireVector& vector) {
  const json::array& expected = vector.json.as_array();
  ASSERT_EQ(expected.size(), 1u);
  auto batch = RecordBatchView::Parse(vector.bytes);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->bytes().size(), vector.bytes.size());
  ExpectHeader(*batch, expected[0].as_object());
  auto records = ReadAll(*batch);
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_TRUE(*records == RecordsOf(expected[0].as_object()));

  // Compressed bytes are the compressor's choice; what is below them is not.
  const Buffer plain = Rebuild(*batch, Codec::kNone);
  EXPECT_EQ(plain.Slice(kBatchHeaderBytes), RecordIterator::Open(*batch, 1 << 20)->payload());
  const Buffer again = Rebuild(*batch, batch->codec());
  if (batch->codec() == Codec::kNone) EXPECT_EQ(again, vector.bytes);
  auto parsed = RecordBatchView::Parse(again);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(
      again.Slice(batch_layout::kAttributes, kBatchHeaderBytes - batch_layout::kAttributes),
      vector.bytes.Slice(batch_layout::kAttributes, kBatchHeaderBytes - batch_layout::kAttributes));
  auto read_again = ReadAll(*parsed);
  ASSERT_TRUE(read_again.ok()) << read_again.status();
  EXPECT_TRUE(*read_again == *records);
}

void CheckMarker(const WireVector& vector) {
  const json::object& expected = vector.json.as_object();
  auto batch = RecordBatchView::Parse(vector.bytes);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_TRUE(batch->CrcMatches());
  EXPECT_EQ(batch->crc(), expected.at("crc").as_int64());
  auto record = ReadControlRecord(*batch);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->type,
            Text(expected.at("control")) == "ABORT" ? ControlType::kAbort : ControlType::kCommit);
  EXPECT_EQ(record->marker.coordinator_epoch, expected.at("coordinatorEpoch").as_int64());
  EXPECT_EQ(EncodeControlKey(record->type), Bytes(expected.at("recordKey")));
  EXPECT_EQ(EncodeEndTransactionMarker(record->marker), Bytes(expected.at("recordValue")));

  Buffer built =
      BuildEndTransactionBatch(record->type, expected.at("producerId").as_int64(),
                               static_cast<int16_t>(expected.at("producerEpoch").as_int64()),
                               record->marker, expected.at("timestamp").as_int64());
  auto view = RecordBatchView::Parse(built);
  ASSERT_TRUE(view.ok()) << view.status();
  view->SetBaseOffset(expected.at("baseOffset").as_int64());
  view->SetLeaderEpoch(static_cast<int32_t>(expected.at("partitionLeaderEpoch").as_int64()));
  EXPECT_EQ(view->buffer(), vector.bytes);
}

TEST(WireVectors, RecordBatches) {
  int batches = 0, markers = 0, old = 0;
  ForEachWireVector([&](const WireVector& vector) {
    if (vector.kind != "batch") return;
    SCOPED_TRACE(vector.Title());
    if (vector.name == "EndTxnMarker") {
      CheckMarker(vector);
      ++markers;
    } else if (vector.version == kBatchMagic) {
      CheckBatch(vector);
      ++batches;
    } else {
      EXPECT_TRUE(absl::IsUnimplemented(RecordBatchView::Parse(vector.bytes).status()));
      ++old;
    }
  });
  EXPECT_EQ(batches, 20);
  EXPECT_EQ(markers, 2);
  EXPECT_EQ(old, 32);
}

}  // namespace
}  // namespace soliton::kafka

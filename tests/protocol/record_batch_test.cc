#include "protocol/record/record_batch.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "protocol/record/batch_builder.h"
#include "protocol/record/batch_iterator.h"
#include "protocol/record/control_record.h"
#include "runtime/base/crc32c.h"
#include "tests/protocol/record_golden_batches.h"
#include "tests/protocol/record_test_util.h"

namespace soliton::kafka {
namespace {

RecordBatchView MustParse(Buffer buffer) {
  absl::StatusOr<RecordBatchView> batch = RecordBatchView::Parse(std::move(buffer));
  EXPECT_TRUE(batch.ok()) << batch.status();
  return *std::move(batch);
}

Buffer OneRecordBatch(int64_t base_offset = 0) {
  BatchBuilder builder({.base_offset = base_offset});
  builder.Append(1000, "k", "v");
  return builder.Build();
}

TEST(RecordBatch, ReadsForeignBatches) {
  const std::vector<OwnedRecord> expected = {
      {.timestamp_ms = 1700000000000,
       .key = "key-0",
       .value =
           [] {
             std::string value;
             for (int i = 0; i < 40; ++i) value += "value ";
             return value;
           }(),
       .headers = {{"trace", "abc"}, {"empty", std::nullopt}}},
      {.timestamp_ms = 1700000000007, .key = std::nullopt, .value = ""},
      {.timestamp_ms = 1699999999990, .key = "", .value = std::nullopt},
  };
  const struct {
    std::string_view hex;
    Codec codec;
  } kCases[] = {
      {golden::kUncompressed, Codec::kNone}, {golden::kIdempotent, Codec::kNone},
      {golden::kGzip, Codec::kGzip},         {golden::kSnappyXerial, Codec::kSnappy},
      {golden::kSnappyRaw, Codec::kSnappy},  {golden::kLz4, Codec::kLz4},
      {golden::kLz4Cli, Codec::kLz4},        {golden::kZstdNoContentSize, Codec::kZstd},
  };
  for (const auto& [hex, codec] : kCases) {
    const RecordBatchView batch = MustParse(FromHex(hex));
    SCOPED_TRACE(hex);
    EXPECT_TRUE(batch.CrcMatches());
    EXPECT_EQ(batch.codec(), codec);
    EXPECT_EQ(batch.records_count(), 3);
    EXPECT_EQ(batch.last_offset_delta(), 2);
    EXPECT_EQ(batch.base_timestamp(), 1700000000000);
    EXPECT_EQ(batch.max_timestamp(), 1700000000007);
    const auto records = ReadAll(batch);
    ASSERT_TRUE(records.ok()) << records.status();
    EXPECT_EQ(*records, expected);
  }
}

TEST(RecordBatch, ReadsForeignProducerState) {
  const RecordBatchView batch = MustParse(FromHex(golden::kIdempotent));
  EXPECT_TRUE(batch.is_transactional());
  EXPECT_FALSE(batch.is_control());
  EXPECT_TRUE(batch.has_producer_id());
  EXPECT_EQ(batch.producer_id(), 4711);
  EXPECT_EQ(batch.producer_epoch(), 3);
  EXPECT_EQ(batch.base_sequence(), 2147483646);
  EXPECT_EQ(batch.last_sequence(), 0) << "2^31-2, 2^31-1, 0";
  EXPECT_EQ(MustParse(FromHex(golden::kUncompressed)).last_sequence(), kNoSequence);
}

TEST(RecordBatch, BuilderWritesTheSameBytesAsAForeignEncoder) {
  std::string value;
  for (int i = 0; i < 40; ++i) value += "value ";
  const std::vector<RecordHeader> headers = {{"trace", "abc"}, {"empty", std::nullopt}};
  BatchBuilder builder({.producer_id = 4711,
                        .producer_epoch = 3,
                        .base_sequence = 2147483646,
                        .transactional = true});
  builder.Append(1700000000000, "key-0", value, headers);
  builder.Append(1700000000007, std::nullopt, "");
  builder.Append(1699999999990, "", std::nullopt);
  // kafka-python leaves the leader epoch 0 where we write -1; it lies outside the CRC.
  RecordBatchView ours = MustParse(builder.Build());
  RecordBatchView theirs = MustParse(FromHex(golden::kIdempotent));
  ours.SetLeaderEpoch(7);
  theirs.SetLeaderEpoch(7);
  EXPECT_EQ(ours.buffer(), theirs.buffer());
}

TEST(RecordBatch, StampsOutsideTheCrc) {
  RecordBatchView batch = MustParse(OneRecordBatch());
  const uint32_t crc = batch.crc();
  batch.SetBaseOffset(1234567890123);
  batch.SetLeaderEpoch(42);
  EXPECT_EQ(batch.base_offset(), 1234567890123);
  EXPECT_EQ(batch.next_offset(), 1234567890124);
  EXPECT_EQ(batch.leader_epoch(), 42);
  EXPECT_EQ(batch.crc(), crc);
  EXPECT_TRUE(batch.CrcMatches());
}

TEST(RecordBatch, SettersInsideTheCrcKeepItValid) {
  RecordBatchView batch = MustParse(OneRecordBatch());
  const uint32_t crc = batch.crc();
  batch.SetLogAppendTime(5555);
  EXPECT_EQ(batch.timestamp_type(), TimestampType::kLogAppendTime);
  EXPECT_EQ(batch.max_timestamp(), 5555);
  EXPECT_NE(batch.crc(), crc);
  EXPECT_TRUE(batch.CrcMatches());
  EXPECT_EQ(ReadAll(batch)->at(0).timestamp_ms, 5555);
  batch.SetProducer(9, 8, 7);
  EXPECT_EQ(batch.producer_id(), 9);
  EXPECT_EQ(batch.producer_epoch(), 8);
  EXPECT_EQ(batch.base_sequence(), 7);
  EXPECT_TRUE(batch.CrcMatches());
  batch.SetMaxTimestamp(6);
  EXPECT_EQ(batch.max_timestamp(), 6);
  EXPECT_TRUE(batch.CrcMatches());
}

TEST(RecordBatch, AnyFlippedBitBelowTheCrcIsSeen) {
  const Buffer good = FromHex(golden::kGzip);
  for (size_t byte = batch_layout::kCrc; byte < good.size(); ++byte) {
    Buffer bad = Clone(good);
    bad.mutable_data()[byte] ^= 1 << (byte % 8);
    const auto batch = RecordBatchView::Parse(bad);
    EXPECT_TRUE(!batch.ok() || !batch->CrcMatches()) << "byte " << byte;
  }
}

TEST(RecordBatch, ParseRefusesWhatCannotBeABatch) {
  const Buffer good = OneRecordBatch();
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_TRUE(absl::IsOutOfRange(RecordBatchView::Parse(good.Slice(0, size)).status())) << size;
  }
  const auto damaged = [&](size_t at, auto value) {
    Buffer bad = Clone(good);
    StoreBigEndian(bad.mutable_data() + at, value);
    return RecordBatchView::Parse(bad).status();
  };
  const int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_TRUE(absl::IsUnimplemented(damaged(batch_layout::kMagic, int8_t{0})));
  EXPECT_TRUE(absl::IsUnimplemented(damaged(batch_layout::kMagic, int8_t{1})));
  EXPECT_TRUE(absl::IsDataLoss(damaged(batch_layout::kMagic, int8_t{3})));
  EXPECT_TRUE(absl::IsDataLoss(damaged(batch_layout::kMagic, int8_t{-1})));
  EXPECT_TRUE(absl::IsDataLoss(damaged(batch_layout::kBatchLength, int32_t{-1})));
  EXPECT_TRUE(absl::IsDataLoss(damaged(batch_layout::kBatchLength, int32_t{48})));
  EXPECT_TRUE(absl::IsOutOfRange(damaged(batch_layout::kBatchLength, int32_t{0x7fffffff})));
  EXPECT_TRUE(absl::IsDataLoss(damaged(batch_layout::kLastOffsetDelta, int32_t{-1})));
  EXPECT_TRUE(absl::IsDataLoss(damaged(batch_layout::kRecordsCount, int32_t{-5})));
  EXPECT_TRUE(absl::IsDataLoss(damaged(batch_layout::kBaseOffset, int64_t{-1})));
  EXPECT_TRUE(absl::IsDataLoss(damaged(batch_layout::kBaseOffset, huge)));
  EXPECT_TRUE(damaged(batch_layout::kBaseOffset, huge - 1).ok());
}

TEST(RecordBatch, SplitsConcatenatedBatches) {
  std::string bytes;
  std::vector<size_t> ends;
  for (int64_t offset = 0; offset < 4; ++offset) {
    bytes += std::string(OneRecordBatch(offset).view());
    ends.push_back(bytes.size());
  }
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const auto split = SplitBatches(Buffer::CopyOf(std::string_view(bytes).substr(0, size)));
    ASSERT_TRUE(split.ok()) << split.status();
    const auto whole = static_cast<size_t>(
        std::count_if(ends.begin(), ends.end(), [&](size_t end) { return end <= size; }));
    ASSERT_EQ(split->batches.size(), whole);
    EXPECT_EQ(split->cut_tail_bytes, size - (whole == 0 ? 0 : ends[whole - 1]));
    for (size_t i = 0; i < whole; ++i) {
      EXPECT_EQ(split->batches[i].base_offset(), static_cast<int64_t>(i));
      EXPECT_TRUE(split->batches[i].CrcMatches());
    }
  }
  bytes[ends[1] + batch_layout::kMagic] = 9;
  EXPECT_TRUE(absl::IsDataLoss(SplitBatches(Buffer::CopyOf(bytes)).status()));
}

TEST(RecordBatch, SequencesWrap) {
  EXPECT_EQ(SequenceAfter(0, 1), 1);
  EXPECT_EQ(SequenceAfter(std::numeric_limits<int32_t>::max(), 1), 0);
  EXPECT_EQ(SequenceAfter(std::numeric_limits<int32_t>::max() - 1, 5), 3);
}

TEST(ControlRecord, MarkersRoundTrip) {
  const RecordBatchView batch = MustParse(
      BuildEndTransactionBatch(ControlType::kCommit, 77, 5, {.coordinator_epoch = 9}, 1000));
  EXPECT_TRUE(batch.CrcMatches());
  EXPECT_TRUE(batch.is_control());
  EXPECT_TRUE(batch.is_transactional());
  EXPECT_EQ(batch.producer_id(), 77);
  EXPECT_EQ(batch.producer_epoch(), 5);
  EXPECT_EQ(batch.base_sequence(), kNoSequence);
  const auto control = ReadControlRecord(batch);
  ASSERT_TRUE(control.ok()) << control.status();
  EXPECT_EQ(control->type, ControlType::kCommit);
  EXPECT_EQ(control->marker.coordinator_epoch, 9);
  EXPECT_EQ(EncodeControlKey(ControlType::kCommit), std::string("\0\0\0\1", 4));
}

TEST(ControlRecord, RefusesMalformedOnes) {
  EXPECT_TRUE(absl::IsDataLoss(DecodeControlKey("abc").status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeEndTransactionMarker("abcde").status()));
  EXPECT_TRUE(absl::IsDataLoss(ReadControlRecord(MustParse(OneRecordBatch())).status()));
  BatchBuilder short_value({.control = true});
  short_value.Append(0, EncodeControlKey(ControlType::kAbort), "x");
  EXPECT_TRUE(absl::IsDataLoss(ReadControlRecord(MustParse(short_value.Build())).status()));
  BatchBuilder no_key({.control = true});
  no_key.Append(0, std::nullopt, "x");
  EXPECT_TRUE(absl::IsDataLoss(ReadControlRecord(MustParse(no_key.Build())).status()));
}

}  // namespace
}  // namespace soliton::kafka

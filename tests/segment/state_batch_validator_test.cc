// Hostile batches: what must be refused, with which code, and what must not be.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "protocol/record/batch_builder.h"
#include "protocol/record/compression.h"
#include "protocol/record/control_record.h"
#include "protocol/record/varint.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/random.h"
#include "segment/state/batch_validator_core.h"

namespace soliton::segment {
namespace {

namespace at = kafka::batch_layout;
using kafka::BatchBuilder;
using kafka::BatchOptions;
using kafka::Codec;
using kafka::ErrorCode;
using kafka::RecordBatchView;
using kafka::TimestampType;

constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr int64_t kDayMs = 24 * 3600 * int64_t{1000};
constexpr Codec kCodecs[] = {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};
constexpr Codec kRealCodecs[] = {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};

BatchVerdict Validate(const Buffer& records, const BatchValidationOptions& options = {},
                      ValidationContext context = {.now_ms = kNowMs}) {
  return ValidateBatch(records, options, context);
}

Buffer ThreeRecords(BatchOptions options = {}) {
  BatchBuilder builder(options);
  builder.Append(kNowMs, "key", "value");
  builder.Append(kNowMs + 1, "key", std::string(50, 'v'));
  builder.Append(kNowMs - 1, "key", std::nullopt);
  return builder.Build();
}

void FixCrc(Buffer& batch) {
  StoreBigEndian(batch.mutable_data() + at::kCrc, Crc32c(batch.span().subspan(at::kAttributes)));
}

// A good batch with one field changed and the CRC made right again.
template <typename T>
Buffer With(size_t position, T value, BatchOptions options = {}) {
  Buffer batch = ThreeRecords(options);
  StoreBigEndian(batch.mutable_data() + position, value);
  FixCrc(batch);
  return batch;
}

// A good header over other payload bytes, with the given claims.
Buffer WithPayload(std::span<const uint8_t> payload, int32_t count, Codec codec = Codec::kNone) {
  const Buffer good = ThreeRecords();
  Buffer batch = Buffer::Allocate(kafka::kBatchHeaderBytes + payload.size());
  std::copy_n(good.data(), kafka::kBatchHeaderBytes, batch.mutable_data());
  std::copy(payload.begin(), payload.end(), batch.mutable_data() + kafka::kBatchHeaderBytes);
  uint8_t* bytes = batch.mutable_data();
  StoreBigEndian(bytes + at::kBatchLength,
                 static_cast<int32_t>(batch.size() - kafka::kBatchPrefixBytes));
  StoreBigEndian(bytes + at::kAttributes, static_cast<uint16_t>(codec));
  StoreBigEndian(bytes + at::kRecordsCount, count);
  StoreBigEndian(bytes + at::kLastOffsetDelta, count - 1);
  FixCrc(batch);
  return batch;
}

// Records without key and value, with these offset deltas.
std::vector<uint8_t> RecordsWithDeltas(const std::vector<int32_t>& deltas) {
  std::vector<uint8_t> payload;
  for (const int32_t delta : deltas) {
    std::vector<uint8_t> body = {0, 0};
    uint8_t bytes[kafka::kMaxVarintBytes];
    body.insert(body.end(), bytes, kafka::EncodeVarint(bytes, delta));
    for (const int32_t rest : {-1, -1, 0}) {
      body.insert(body.end(), bytes, kafka::EncodeVarint(bytes, rest));
    }
    payload.insert(payload.end(), bytes,
                   kafka::EncodeVarint(bytes, static_cast<int32_t>(body.size())));
    payload.insert(payload.end(), body.begin(), body.end());
  }
  return payload;
}

Buffer Joined(const Buffer& a, const Buffer& b) {
  return Buffer::CopyOf(std::string(a.view()) + std::string(b.view()));
}

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(BatchValidator, AcceptsEveryCodec) {
  for (Codec codec : kCodecs) {
    const Buffer records = ThreeRecords({.codec = codec});
    const BatchVerdict verdict = Validate(records);
    ASSERT_TRUE(verdict.ok()) << kafka::CodecName(codec) << ": " << verdict.message;
    ASSERT_TRUE(verdict.batch.has_value());
    EXPECT_EQ(verdict.batch->records_count(), 3);
    EXPECT_EQ(verdict.batch->buffer(), records);
    EXPECT_EQ(verdict.max_timestamp_ms, kNowMs + 1);
    EXPECT_FALSE(verdict.rewrite_timestamps);
  }
}

TEST(BatchValidator, HostileHeaders) {
  const Buffer good = ThreeRecords();
  BatchBuilder control({.control = true});
  control.Append(kNowMs, kafka::EncodeControlKey(kafka::ControlType::kCommit), "value");
  Buffer wrong_crc = ThreeRecords();
  wrong_crc.mutable_data()[wrong_crc.size() - 1] ^= 1;
  Buffer no_records = Buffer::CopyOf(good.span().first(kafka::kBatchHeaderBytes));
  StoreBigEndian(no_records.mutable_data() + at::kBatchLength, int32_t{49});
  FixCrc(no_records);
  Buffer empty = Buffer::CopyOf(no_records.span());
  StoreBigEndian(empty.mutable_data() + at::kRecordsCount, int32_t{0});
  StoreBigEndian(empty.mutable_data() + at::kLastOffsetDelta, int32_t{0});
  FixCrc(empty);
  const int32_t length = static_cast<int32_t>(good.size() - kafka::kBatchPrefixBytes);
  const BatchOptions producer = {.producer_id = 5, .producer_epoch = 0, .base_sequence = 0};

  const struct {
    const char* what;
    Buffer records;
    ErrorCode expected;
  } kCases[] = {
      {"no bytes", Buffer(), ErrorCode::INVALID_RECORD},
      {"16 bytes", good.Slice(0, 16), ErrorCode::INVALID_RECORD},
      {"a header cut", good.Slice(0, 60), ErrorCode::INVALID_RECORD},
      {"a batch cut", good.Slice(0, good.size() - 1), ErrorCode::INVALID_RECORD},
      {"two batches", Joined(good, good), ErrorCode::INVALID_RECORD},
      {"bytes after the batch", Joined(good, Buffer::CopyOf("x")), ErrorCode::INVALID_RECORD},
      {"header only, claims three", no_records, ErrorCode::INVALID_RECORD},
      {"empty batch", empty, ErrorCode::INVALID_RECORD},
      {"count 0", With(at::kRecordsCount, int32_t{0}), ErrorCode::INVALID_RECORD},
      {"count -1", With(at::kRecordsCount, int32_t{-1}), ErrorCode::INVALID_RECORD},
      {"count too small", With(at::kRecordsCount, int32_t{2}), ErrorCode::INVALID_RECORD},
      {"count too big", With(at::kRecordsCount, int32_t{4}), ErrorCode::INVALID_RECORD},
      {"last offset delta too big", With(at::kLastOffsetDelta, int32_t{3}),
       ErrorCode::INVALID_RECORD},
      {"last offset delta negative", With(at::kLastOffsetDelta, int32_t{-1}),
       ErrorCode::INVALID_RECORD},
      {"last offset delta huge", With(at::kLastOffsetDelta, std::numeric_limits<int32_t>::max()),
       ErrorCode::INVALID_RECORD},
      {"base offset 1", With(at::kBaseOffset, int64_t{1}), ErrorCode::INVALID_RECORD},
      {"base offset negative", With(at::kBaseOffset, int64_t{-1}), ErrorCode::INVALID_RECORD},
      {"control batch", control.Build(), ErrorCode::INVALID_RECORD},
      {"producer without sequence", With(at::kBaseSequence, int32_t{-1}, producer),
       ErrorCode::INVALID_RECORD},
      {"producer without epoch", With(at::kProducerEpoch, int16_t{-1}, producer),
       ErrorCode::INVALID_RECORD},
      {"magic 0", With(at::kMagic, int8_t{0}), ErrorCode::INVALID_RECORD},
      {"magic 1", With(at::kMagic, int8_t{1}), ErrorCode::INVALID_RECORD},
      {"magic 3", With(at::kMagic, int8_t{3}), ErrorCode::CORRUPT_MESSAGE},
      {"magic -1", With(at::kMagic, int8_t{-1}), ErrorCode::CORRUPT_MESSAGE},
      {"wrong CRC", wrong_crc, ErrorCode::CORRUPT_MESSAGE},
      {"length too small", With(at::kBatchLength, int32_t{48}), ErrorCode::CORRUPT_MESSAGE},
      {"length negative", With(at::kBatchLength, int32_t{-1}), ErrorCode::CORRUPT_MESSAGE},
      {"length one too small", With(at::kBatchLength, length - 1), ErrorCode::INVALID_RECORD},
      {"length one too big", With(at::kBatchLength, length + 1), ErrorCode::INVALID_RECORD},
      {"LogAppendTime set by a client",
       With(at::kAttributes, static_cast<uint16_t>(kafka::kLogAppendTimeBit)),
       ErrorCode::INVALID_TIMESTAMP},
  };
  for (const auto& [what, records, expected] : kCases) {
    const BatchVerdict verdict = Validate(records);
    EXPECT_EQ(verdict.error, expected) << what << ": " << verdict.message;
    EXPECT_FALSE(verdict.message.empty()) << what;
    EXPECT_FALSE(verdict.batch.has_value()) << what;
  }
}

TEST(BatchValidator, OddButHarmlessHeadersAreAccepted) {
  BatchBuilder negative;
  negative.Append(-500, "k", "v");
  negative.Append(std::numeric_limits<int64_t>::min(), "k", "v");
  const struct {
    const char* what;
    Buffer records;
  } kCases[] = {
      {"unused attribute bits", With(at::kAttributes, uint16_t{0xff80})},
      {"delete horizon bit", With(at::kAttributes, kafka::kDeleteHorizonBit)},
      {"sequence without producer", With(at::kBaseSequence, int32_t{7})},
      {"negative timestamps", negative.Build()},
      {"any leader epoch", With(at::kLeaderEpoch, int32_t{12345})},
      {"max timestamp that lies", With(at::kMaxTimestamp, kNowMs + 400 * kDayMs)},
  };
  for (const auto& [what, records] : kCases) {
    const BatchVerdict verdict = Validate(records);
    EXPECT_TRUE(verdict.ok()) << what << ": " << verdict.message;
  }
}

TEST(BatchValidator, ALyingMaxTimestampIsCorrected) {
  for (int64_t lie : {kNowMs + 400 * kDayMs, int64_t{-1}, kNowMs}) {
    BatchVerdict verdict = Validate(With(at::kMaxTimestamp, lie));
    ASSERT_TRUE(verdict.ok());
    EXPECT_TRUE(verdict.rewrite_timestamps);
    EXPECT_EQ(verdict.batch->max_timestamp(), lie) << "nothing is written before it is applied";
    ApplyTimestamps(verdict, {});
    EXPECT_EQ(verdict.batch->max_timestamp(), kNowMs + 1);
    EXPECT_TRUE(verdict.batch->CrcMatches());
  }
}

TEST(BatchValidator, OffsetDeltasMustCountUp) {
  for (Codec codec : kCodecs) {
    for (const std::vector<int32_t>& deltas : std::vector<std::vector<int32_t>>{
             {0, 1, 3}, {0, 2, 2}, {0, 0, 1}, {1, 2, 3}, {0, 2, 1}, {-1, 0, 1}, {0, 1, 2}}) {
      const std::vector<uint8_t> plain = RecordsWithDeltas(deltas);
      const Buffer payload = kafka::Compress(codec, std::nullopt, plain);
      const BatchVerdict verdict = Validate(WithPayload(payload.span(), 3, codec));
      const bool good = deltas == std::vector<int32_t>{0, 1, 2};
      EXPECT_EQ(verdict.error, good ? ErrorCode::NONE : ErrorCode::INVALID_RECORD)
          << kafka::CodecName(codec) << " " << deltas[0] << deltas[1] << deltas[2];
      if (!good) EXPECT_EQ(verdict.record_errors.size(), 1u);
    }
  }
}

TEST(BatchValidator, RecordsThatLieAreRefusedInEveryCodec) {
  const std::vector<uint8_t> good = RecordsWithDeltas({0, 1, 2});
  const auto changed = [&](size_t position, uint8_t value) {
    std::vector<uint8_t> bytes = good;
    bytes[position] = value;
    return bytes;
  };
  // One record: length, attributes, timestamp delta, offset delta, key -1, value -1, header count.
  ASSERT_EQ(good.size(), 21u);
  std::vector<uint8_t> trailing = good;
  trailing.push_back(0);
  const std::pair<const char*, std::vector<uint8_t>> kCases[] = {
      {"length too small", changed(0, 10)},
      {"length too big", changed(0, 14)},
      {"length negative", changed(0, 1)},
      {"length of the last one too big", changed(14, 14)},
      {"key length", changed(4, 20)},
      {"key length -2", changed(4, 3)},
      {"value length", changed(5, 2)},
      {"header count", changed(6, 2)},
      {"header count negative", changed(6, 1)},
      {"bytes after the last record", trailing},
      {"no bytes", {}},
      {"two records instead of three", {good.begin(), good.begin() + 14}},
  };
  for (Codec codec : kCodecs) {
    ASSERT_TRUE(
        Validate(WithPayload(kafka::Compress(codec, std::nullopt, good).span(), 3, codec)).ok());
    for (const auto& [what, plain] : kCases) {
      const Buffer payload = kafka::Compress(codec, std::nullopt, plain);
      const BatchVerdict verdict = Validate(WithPayload(payload.span(), 3, codec));
      EXPECT_EQ(verdict.error, ErrorCode::INVALID_RECORD) << kafka::CodecName(codec) << " " << what;
      EXPECT_EQ(verdict.record_errors.size(), 1u) << what;
    }
  }
}

TEST(BatchValidator, PayloadsThatAreNoStreamAreRefused) {
  const std::string garbage = "this is neither gzip nor snappy nor lz4 nor zstd";
  for (Codec codec : kRealCodecs) {
    EXPECT_EQ(Validate(WithPayload(AsBytes(garbage), 3, codec)).error, ErrorCode::INVALID_RECORD);
    const Buffer whole = kafka::Compress(codec, std::nullopt, RecordsWithDeltas({0, 1, 2}));
    const Buffer cut = whole.Slice(0, whole.size() - 1);
    EXPECT_EQ(Validate(WithPayload(cut.span(), 3, codec)).error, ErrorCode::INVALID_RECORD);
    const Buffer tail = Joined(whole, Buffer::CopyOf("zzzz"));
    EXPECT_EQ(Validate(WithPayload(tail.span(), 3, codec)).error, ErrorCode::INVALID_RECORD)
        << kafka::CodecName(codec);
  }
  for (uint16_t codec : {5, 6, 7}) {
    EXPECT_EQ(Validate(With(at::kAttributes, codec)).error, ErrorCode::INVALID_RECORD) << codec;
  }
}

TEST(BatchValidator, SixtyFourMebibytesOfZerosAreAccepted) {
  const std::string zeros(64 << 20, '\0');
  for (Codec codec : {Codec::kGzip, Codec::kLz4, Codec::kZstd}) {
    BatchBuilder builder({.codec = codec});
    builder.Append(kNowMs, "k", zeros);
    const Buffer bomb = builder.Build();
    ASSERT_LT(bomb.size(), 1u << 20);
    const BatchVerdict verdict = Validate(bomb);
    EXPECT_TRUE(verdict.ok()) << kafka::CodecName(codec) << " " << verdict.message;
    BatchValidationOptions limited;
    limited.max_uncompressed_bytes = 32 << 20;
    EXPECT_EQ(Validate(bomb, limited).error, ErrorCode::MESSAGE_TOO_LARGE);
  }
}

TEST(BatchValidator, SizeIsThatOfTheStoredBatch) {
  const Buffer batch = ThreeRecords();
  BatchValidationOptions options;
  options.max_message_bytes = static_cast<int32_t>(batch.size());
  EXPECT_TRUE(Validate(batch, options).ok());
  --options.max_message_bytes;
  EXPECT_EQ(Validate(batch, options).error, ErrorCode::MESSAGE_TOO_LARGE);
}

TEST(BatchValidator, ZstdNeedsProduceSeven) {
  const Buffer zstd = ThreeRecords({.codec = Codec::kZstd});
  EXPECT_EQ(Validate(zstd, {}, {.now_ms = kNowMs, .produce_version = 6}).error,
            ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
  EXPECT_TRUE(Validate(zstd, {}, {.now_ms = kNowMs, .produce_version = 7}).ok());
  EXPECT_TRUE(
      Validate(ThreeRecords({.codec = Codec::kGzip}), {}, {.now_ms = kNowMs, .produce_version = 3})
          .ok());
}

TEST(BatchValidator, TimestampsOutsideTheWindowListTheirRecords) {
  BatchBuilder builder;
  builder.Append(kNowMs, "k", "v");
  builder.Append(kNowMs + 40 * kDayMs, "k", "v");
  builder.Append(kNowMs + 3600000, "k", "v");
  builder.Append(kNowMs + 3600001, "k", "v");
  builder.Append(-1, "k", "v");
  const Buffer batch = builder.Build();
  const BatchVerdict verdict = Validate(batch);
  EXPECT_EQ(verdict.error, ErrorCode::INVALID_TIMESTAMP);
  ASSERT_EQ(verdict.record_errors.size(), 2u);
  EXPECT_EQ(verdict.record_errors[0].batch_index, 1);
  EXPECT_EQ(verdict.record_errors[1].batch_index, 3);

  BatchValidationOptions log_append_time;
  log_append_time.timestamp_type = TimestampType::kLogAppendTime;
  EXPECT_TRUE(Validate(batch, log_append_time).ok());

  BatchBuilder old;
  old.Append(kNowMs - 10 * kDayMs, "k", "v");
  EXPECT_TRUE(Validate(old.Build()).ok());
  BatchValidationOptions strict;
  strict.timestamp_before_max_ms = 10 * kDayMs - 1;
  EXPECT_EQ(Validate(old.Build(), strict).error, ErrorCode::INVALID_TIMESTAMP);
  strict.timestamp_before_max_ms = 10 * kDayMs;
  EXPECT_TRUE(Validate(old.Build(), strict).ok());
}

TEST(BatchValidator, UnlimitedWindowsAcceptEveryTimestamp) {
  BatchValidationOptions options;
  options.timestamp_after_max_ms = std::numeric_limits<int64_t>::max();
  for (int64_t timestamp_ms :
       {std::numeric_limits<int64_t>::min(), int64_t{-2}, std::numeric_limits<int64_t>::max()}) {
    BatchBuilder builder;
    builder.Append(timestamp_ms, "k", "v");
    EXPECT_TRUE(Validate(builder.Build(), options).ok()) << timestamp_ms;
    EXPECT_TRUE(Validate(builder.Build(), options, {.now_ms = -1}).ok()) << timestamp_ms;
  }
  // Windows so wide that their ends would overflow.
  options.timestamp_before_max_ms = std::numeric_limits<int64_t>::max() - 1;
  options.timestamp_after_max_ms = std::numeric_limits<int64_t>::max() - 1;
  BatchBuilder builder;
  builder.Append(std::numeric_limits<int64_t>::max(), "k", "v");
  EXPECT_TRUE(Validate(builder.Build(), options).ok());
}

TEST(BatchValidator, LogAppendTimeStampsTheBatch) {
  BatchValidationOptions options;
  options.timestamp_type = TimestampType::kLogAppendTime;
  for (Codec codec : kCodecs) {
    BatchVerdict verdict = Validate(ThreeRecords({.codec = codec}), options);
    ASSERT_TRUE(verdict.ok()) << verdict.message;
    EXPECT_TRUE(verdict.rewrite_timestamps);
    EXPECT_EQ(verdict.max_timestamp_ms, kNowMs);
    ApplyTimestamps(verdict, options);
    EXPECT_EQ(verdict.batch->timestamp_type(), TimestampType::kLogAppendTime);
    EXPECT_EQ(verdict.batch->max_timestamp(), kNowMs);
    EXPECT_EQ(verdict.batch->codec(), codec);
    EXPECT_TRUE(verdict.batch->CrcMatches());
  }
}

TEST(BatchValidator, CompactedTopicsNeedKeys) {
  BatchValidationOptions compacted;
  compacted.compacted = true;
  for (Codec codec : kCodecs) {
    BatchBuilder builder({.codec = codec});
    builder.Append(kNowMs, "k", "v");
    builder.Append(kNowMs, std::nullopt, "v");
    builder.Append(kNowMs, "", "v");
    EXPECT_TRUE(Validate(builder.Build()).ok());
    const BatchVerdict verdict = Validate(builder.Build(), compacted);
    EXPECT_EQ(verdict.error, ErrorCode::INVALID_RECORD);
    ASSERT_EQ(verdict.record_errors.size(), 1u);
    EXPECT_EQ(verdict.record_errors[0].batch_index, 1) << "an empty key is a key";
  }
}

TEST(BatchValidator, RecordErrorsAreBounded) {
  BatchValidationOptions compacted;
  compacted.compacted = true;
  BatchBuilder builder;
  for (int i = 0; i < 5000; ++i) builder.Append(kNowMs, std::nullopt, "v");
  const BatchVerdict verdict = Validate(builder.Build(), compacted);
  EXPECT_EQ(verdict.record_errors.size(), kMaxRecordErrors);
  EXPECT_NE(verdict.message.find("5000 of 5000"), std::string::npos) << verdict.message;
}

TEST(BatchValidator, ReplicationTrustsTheLeaderButNotTheBytes) {
  const ValidationContext replication{.origin = AppendOrigin::kReplication, .now_ms = kNowMs};
  BatchValidationOptions tiny;
  tiny.max_message_bytes = 10;
  tiny.compacted = true;
  const Buffer marker = kafka::BuildEndTransactionBatch(kafka::ControlType::kAbort, 1, 0, {}, 5);
  EXPECT_TRUE(Validate(marker, tiny, replication).ok());
  EXPECT_TRUE(Validate(With(at::kBaseOffset, int64_t{77}), tiny, replication).ok());
  EXPECT_TRUE(Validate(With(at::kRecordsCount, int32_t{1}), tiny, replication).ok())
      << "compaction takes records out of batches";
  const BatchVerdict verdict = Validate(With(at::kMaxTimestamp, int64_t{5}), tiny, replication);
  EXPECT_TRUE(verdict.ok());
  EXPECT_FALSE(verdict.rewrite_timestamps) << "replicas keep the leader's bytes";

  Buffer wrong_crc = ThreeRecords();
  wrong_crc.mutable_data()[wrong_crc.size() - 1] ^= 1;
  for (const Buffer& bad :
       {wrong_crc, ThreeRecords().Slice(0, 70), With(at::kRecordsCount, int32_t{4}),
        With(at::kRecordsCount, int32_t{-1}), With(at::kLastOffsetDelta, int32_t{-1}),
        With(at::kBaseOffset, int64_t{-1}), With(at::kAttributes, uint16_t{5}),
        With(at::kBaseOffset, std::numeric_limits<int64_t>::max())}) {
    EXPECT_EQ(Validate(bad, tiny, replication).error, ErrorCode::CORRUPT_MESSAGE);
  }
}

// Whatever passes can be read by a consumer, record for record.
TEST(BatchValidator, WhatPassesCanBeRead) {
  Random random(51);
  int passed = 0;
  for (int round = 0; round < 20000; ++round) {
    const Codec codec = kCodecs[random.Below(5)];
    Buffer batch = ThreeRecords({.codec = codec});
    for (uint64_t n = 1 + random.Below(2); n > 0; --n) {
      const size_t position = at::kAttributes + random.Below(batch.size() - at::kAttributes);
      batch.mutable_data()[position] = static_cast<uint8_t>(random.Next());
    }
    FixCrc(batch);
    const BatchVerdict verdict = Validate(batch);
    if (!verdict.ok()) continue;
    ++passed;
    absl::StatusOr<kafka::RecordIterator> records =
        kafka::RecordIterator::Open(*verdict.batch, 1 << 20);
    ASSERT_TRUE(records.ok()) << records.status();
    kafka::Record record;
    int32_t count = 0;
    int64_t max_timestamp_ms = std::numeric_limits<int64_t>::min();
    while (true) {
      const absl::StatusOr<bool> more = records->Next(record);
      ASSERT_TRUE(more.ok()) << more.status();
      if (!*more) break;
      ASSERT_EQ(record.offset_delta, count++);
      max_timestamp_ms = std::max(max_timestamp_ms, kafka::TimestampOf(*verdict.batch, record));
    }
    ASSERT_EQ(count, verdict.batch->records_count());
    ASSERT_EQ(max_timestamp_ms, verdict.max_timestamp_ms);
  }
  EXPECT_GT(passed, 1000);
}

}  // namespace
}  // namespace soliton::segment

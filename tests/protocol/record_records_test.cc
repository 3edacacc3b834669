// Builder, iterator and scanner against each other.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "protocol/record/batch_builder.h"
#include "protocol/record/decompressor.h"
#include "protocol/record/record_iterator.h"
#include "protocol/record/record_scanner.h"
#include "protocol/record/varint.h"
#include "runtime/base/random.h"
#include "tests/protocol/record_test_util.h"

namespace soliton::kafka {
namespace {

constexpr Codec kCodecs[] = {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};

// Hands out a payload in pieces of one size.
class Pieces final : public Decompressor {
 public:
  Pieces(std::span<const uint8_t> bytes, size_t piece) : left_(bytes), piece_(piece) {}
  absl::StatusOr<std::span<const uint8_t>> Next() override {
    const auto chunk = left_.first(std::min(piece_, left_.size()));
    left_ = left_.subspan(chunk.size());
    return chunk;
  }

 private:
  std::span<const uint8_t> left_;
  size_t piece_;
};

// How the scanner ends over `payload`; the deltas that it saw go to `deltas`.
absl::Status Scan(std::span<const uint8_t> payload, int32_t count, size_t piece,
                  std::vector<ScannedRecord>* seen = nullptr) {
  Pieces pieces(payload, piece);
  RecordScanner scanner(pieces, count, 1 << 30);
  ScannedRecord record;
  while (true) {
    switch (scanner.Next(record)) {
      case RecordScanner::Step::kRecord:
        if (seen != nullptr) seen->push_back(record);
        break;
      case RecordScanner::Step::kEnd:
        return absl::OkStatus();
      case RecordScanner::Step::kError:
        EXPECT_EQ(scanner.Next(record), RecordScanner::Step::kError) << "errors stay";
        return scanner.status();
    }
  }
}

absl::Status Iterate(Buffer payload, int32_t count) {
  RecordIterator iterator(std::move(payload), count);
  Record record;
  while (true) {
    absl::StatusOr<bool> more = iterator.Next(record);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
  }
}

TEST(Records, RandomBatchesRoundTripThroughEveryCodec) {
  Random random(21);
  for (int round = 0; round < 60; ++round) {
    for (Codec codec : kCodecs) {
      BatchBuilder builder({.codec = codec});
      std::vector<OwnedRecord> records;
      for (uint64_t i = 1 + random.Below(40); i > 0; --i) {
        records.push_back(RandomRecord(random, random.Chance(1, 10) ? 100000 : 100));
        const OwnedRecord& record = records.back();
        std::vector<RecordHeader> headers;
        for (const auto& [key, value] : record.headers) headers.push_back({key, value});
        const size_t before = builder.uncompressed_size_bytes();
        const size_t promised =
            builder.SizeOf(record.timestamp_ms, record.key, record.value, headers);
        AppendTo(builder, record);
        ASSERT_EQ(builder.uncompressed_size_bytes(), before + promised);
      }
      const Buffer bytes = builder.Build();
      if (codec == Codec::kNone) ASSERT_EQ(bytes.size(), builder.uncompressed_size_bytes());
      const auto batch = RecordBatchView::Parse(bytes);
      ASSERT_TRUE(batch.ok()) << batch.status();
      ASSERT_EQ(batch->buffer().size(), bytes.size());
      ASSERT_TRUE(batch->CrcMatches());
      ASSERT_EQ(batch->codec(), codec);
      ASSERT_EQ(batch->records_count(), static_cast<int32_t>(records.size()));
      const auto read = ReadAll(*batch);
      ASSERT_TRUE(read.ok()) << read.status();
      ASSERT_EQ(*read, records);
      int64_t max_timestamp = std::numeric_limits<int64_t>::min();
      for (const OwnedRecord& record : records) {
        max_timestamp = std::max(max_timestamp, record.timestamp_ms);
      }
      ASSERT_EQ(batch->max_timestamp(), max_timestamp);
    }
  }
}

TEST(Records, ScannerAgreesWithIteratorHoweverThePayloadIsCut) {
  Random random(22);
  for (int round = 0; round < 40; ++round) {
    BatchBuilder builder;
    std::vector<OwnedRecord> records;
    for (uint64_t i = 1 + random.Below(12); i > 0; --i) {
      records.push_back(RandomRecord(random, 300));
      AppendTo(builder, records.back());
    }
    const auto batch = RecordBatchView::Parse(builder.Build());
    for (size_t piece : {1, 2, 3, 7, 64, 1000, 1 << 20}) {
      std::vector<ScannedRecord> seen;
      ASSERT_TRUE(Scan(batch->records(), batch->records_count(), piece, &seen).ok());
      ASSERT_EQ(seen.size(), records.size());
      for (size_t i = 0; i < seen.size(); ++i) {
        ASSERT_EQ(seen[i].offset_delta, static_cast<int32_t>(i));
        ASSERT_EQ(seen[i].has_key, records[i].key.has_value());
        ASSERT_EQ(seen[i].has_value, records[i].value.has_value());
        ASSERT_EQ(static_cast<int64_t>(static_cast<uint64_t>(batch->base_timestamp()) +
                                       static_cast<uint64_t>(seen[i].timestamp_delta)),
                  records[i].timestamp_ms);
      }
    }
  }
}

// Whatever the bytes, iterator and scanner (in any cut) give the same verdict: what the broker lets
// in, every reader can read.
TEST(Records, ScannerAndIteratorGiveTheSameVerdictOnDamagedBytes) {
  Random random(23);
  BatchBuilder builder;
  for (int i = 0; i < 6; ++i) AppendTo(builder, RandomRecord(random, 30));
  const auto good = RecordBatchView::Parse(builder.Build());
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    Buffer bad = Clone(good->records_buffer());
    for (uint64_t n = 1 + random.Below(3); n > 0; --n) {
      bad.mutable_data()[random.Below(bad.size())] = static_cast<uint8_t>(random.Next());
    }
    if (random.Chance(1, 3)) bad = bad.Slice(0, random.Below(bad.size()));
    const auto count = static_cast<int32_t>(random.Below(8));
    const bool iterates = Iterate(bad, count).ok();
    refused += iterates ? 0 : 1;
    for (size_t piece : {1, 5, 1 << 20}) {
      ASSERT_EQ(Scan(bad.span(), count, piece).ok(), iterates) << "round " << round;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 20000);
}

// A record by its fields, each of which a test may turn into a lie.
struct RawRecord {
  int32_t length_change = 0;
  int32_t key_length = 1;
  int32_t value_length = 1;
  int32_t header_count = 1;
  int32_t header_key_length = 1;
  int32_t header_value_length = 1;
  std::string tail;

  std::vector<uint8_t> Encode() const {
    std::vector<uint8_t> body = {0};
    const auto put = [&](int32_t value) {
      uint8_t bytes[kMaxVarintBytes];
      body.insert(body.end(), bytes, EncodeVarint(bytes, value));
    };
    put(0);
    put(0);
    put(key_length);
    body.push_back('k');
    put(value_length);
    body.push_back('v');
    put(header_count);
    put(header_key_length);
    body.push_back('h');
    put(header_value_length);
    body.push_back('x');
    body.insert(body.end(), tail.begin(), tail.end());
    uint8_t length[kMaxVarintBytes];
    uint8_t* end = EncodeVarint(length, static_cast<int32_t>(body.size()) + length_change);
    body.insert(body.begin(), length, end);
    return body;
  }
};

TEST(Records, EveryLyingFieldIsRefused) {
  constexpr int32_t kHuge = std::numeric_limits<int32_t>::max();
  const std::pair<const char*, RawRecord> kCases[] = {
      {"length one too small", {.length_change = -1}},
      {"length one too big", {.length_change = 1}},
      {"length negative", {.length_change = -100}},
      {"length huge", {.length_change = kHuge - 100}},
      {"key length too big", {.key_length = 100}},
      {"key length huge", {.key_length = kHuge}},
      {"key length -2", {.key_length = -2}},
      {"value length too big", {.value_length = 100}},
      {"value length -2", {.value_length = -2}},
      {"header count negative", {.header_count = -1}},
      {"header count too big", {.header_count = 2}},
      {"header count huge", {.header_count = kHuge}},
      {"header count too small", {.header_count = 0}},
      {"null header key", {.header_key_length = -1}},
      {"header key length huge", {.header_key_length = kHuge}},
      {"header value length too big", {.header_value_length = 2}},
      {"header value length -2", {.header_value_length = -2}},
      {"trailing bytes in the record", {.tail = "zz"}},
  };
  const std::vector<uint8_t> honest = RawRecord{}.Encode();
  ASSERT_TRUE(Iterate(Buffer::CopyOf(honest), 1).ok());
  ASSERT_TRUE(Scan(honest, 1, 1).ok());
  for (const auto& [what, record] : kCases) {
    const std::vector<uint8_t> bytes = record.Encode();
    EXPECT_TRUE(absl::IsDataLoss(Iterate(Buffer::CopyOf(bytes), 1))) << what;
    for (size_t piece : {1, 4, 1000}) {
      EXPECT_TRUE(absl::IsDataLoss(Scan(bytes, 1, piece))) << what << " piece " << piece;
    }
  }
}

TEST(Records, CountMustFitThePayload) {
  const std::vector<uint8_t> one = RawRecord{}.Encode();
  for (int32_t count : {0, 2, 1000000}) {
    EXPECT_TRUE(absl::IsDataLoss(Iterate(Buffer::CopyOf(one), count))) << count;
    EXPECT_TRUE(absl::IsDataLoss(Scan(one, count, 3))) << count;
  }
  EXPECT_TRUE(Iterate(Buffer(), 0).ok());
  EXPECT_TRUE(Scan({}, 0, 1).ok());
}

TEST(Records, ScannerStopsAtItsLimit) {
  BatchBuilder builder({.codec = Codec::kZstd});
  builder.Append(0, std::nullopt, std::string(1 << 20, 'x'));
  const auto batch = RecordBatchView::Parse(builder.Build());
  auto source = Decompressor::Create(batch->codec(), batch->records());
  RecordScanner scanner(**source, 1, 1 << 19);
  ScannedRecord record;
  EXPECT_EQ(scanner.Next(record), RecordScanner::Step::kError);
  EXPECT_TRUE(absl::IsResourceExhausted(scanner.status())) << scanner.status();
  EXPECT_TRUE(absl::IsResourceExhausted(ReadAll(*batch, 1 << 19).status()));
}

TEST(Records, BuilderCanBuildAgainForAnotherProducerEpoch) {
  BatchBuilder builder;
  builder.Append(5, "a", "b");
  builder.SetProducer(10, 0, 100);
  const auto first = RecordBatchView::Parse(builder.Build());
  builder.SetProducer(10, 1, 0);
  const auto second = RecordBatchView::Parse(builder.Build());
  EXPECT_EQ(first->producer_epoch(), 0);
  EXPECT_EQ(first->base_sequence(), 100);
  EXPECT_EQ(second->producer_epoch(), 1);
  EXPECT_EQ(second->base_sequence(), 0);
  EXPECT_TRUE(first->CrcMatches() && second->CrcMatches());
}

TEST(Records, LogAppendTimeBatchesCarryOneTimestamp) {
  BatchBuilder builder(
      {.timestamp_type = TimestampType::kLogAppendTime, .log_append_time_ms = 999});
  builder.Append(5, "a", "b");
  builder.Append(7, "a", "b");
  const auto batch = RecordBatchView::Parse(builder.Build());
  EXPECT_EQ(batch->max_timestamp(), 999);
  const auto records = ReadAll(*batch);
  ASSERT_EQ(records->size(), 2u);
  for (const OwnedRecord& record : *records) EXPECT_EQ(record.timestamp_ms, 999);
}

}  // namespace
}  // namespace soliton::kafka

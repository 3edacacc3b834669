// Batches made to mislead whoever reads them later: bombs, lying counts, records that are not what
// their batch says. Asked of a running broker; nothing of them may reach a log, and a good batch is
// taken right after.
#include "protocol/record/compression.h"
#include "protocol/record/varint.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/endian.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::Codec;
using kafka::ErrorCode;
namespace layout = kafka::batch_layout;

constexpr int64_t kTimestamp = 1'700'000'000'000;

class HostileBatchesTest : public BrokerClusterTest {
 protected:
  void SetUp() override {
    Start(1);
    topic_id_ = CreateTopic("t", 1, 1, {});
  }
  // A batch whose header and CRC are right, around any payload.
  static Buffer BatchAround(std::span<const uint8_t> payload, int32_t count,
                            Codec codec = Codec::kNone) {
    Buffer batch = Buffer::Allocate(kafka::kBatchHeaderBytes + payload.size());
    uint8_t* out = batch.mutable_data();
    std::fill_n(out, kafka::kBatchHeaderBytes, uint8_t{0});
    StoreBigEndian<int32_t>(out + layout::kBatchLength,
                            static_cast<int32_t>(batch.size() - kafka::kBatchPrefixBytes));
    StoreBigEndian<int32_t>(out + layout::kLeaderEpoch, -1);
    out[layout::kMagic] = 2;
    StoreBigEndian<int16_t>(out + layout::kAttributes, static_cast<int16_t>(codec));
    StoreBigEndian<int32_t>(out + layout::kLastOffsetDelta, count - 1);
    StoreBigEndian<int64_t>(out + layout::kBaseTimestamp, kTimestamp);
    StoreBigEndian<int64_t>(out + layout::kMaxTimestamp, kTimestamp);
    StoreBigEndian<int64_t>(out + layout::kProducerId, -1);
    StoreBigEndian<int16_t>(out + layout::kProducerEpoch, -1);
    StoreBigEndian<int32_t>(out + layout::kBaseSequence, -1);
    StoreBigEndian<int32_t>(out + layout::kRecordsCount, count);
    std::copy(payload.begin(), payload.end(), out + layout::kRecords);
    StoreBigEndian<uint32_t>(out + layout::kCrc, Crc32c(batch.span().subspan(layout::kAttributes)));
    return batch;
  }
  static void PutVarint(std::vector<uint8_t>& out, int64_t value) {
    uint8_t bytes[kafka::kMaxVarlongBytes];
    out.insert(out.end(), bytes, kafka::EncodeVarlong(bytes, value));
  }
  // One record of the batch; its parts may lie.
  struct Record {
    int64_t length_lie = 0;
    int64_t offset_delta = 0;
    int64_t key_length = -1;
    int64_t value_length = 1;
    int64_t headers = 0;
    std::string tail;
  };
  static std::vector<uint8_t> Records(const std::vector<Record>& records) {
    std::vector<uint8_t> out;
    for (const Record& record : records) {
      std::vector<uint8_t> body = {0};
      PutVarint(body, 0);
      PutVarint(body, record.offset_delta);
      PutVarint(body, record.key_length);
      PutVarint(body, record.value_length);
      if (record.value_length > 0) body.push_back('v');
      PutVarint(body, record.headers);
      body.insert(body.end(), record.tail.begin(), record.tail.end());
      PutVarint(out, static_cast<int64_t>(body.size()) + record.length_lie);
      out.insert(out.end(), body.begin(), body.end());
    }
    return out;
  }
  PartitionResult Send(Buffer batch) {
    return Result(Call(1, ProduceTo(topic_id_, 0, std::move(batch))));
  }
  // Refused with one of the codes for a bad batch, in words, and nothing is in the log.
  void ExpectRefused(Buffer batch, const std::string& name,
                     ErrorCode error = ErrorCode::INVALID_RECORD) {
    const PartitionResult result = Send(std::move(batch));
    EXPECT_EQ(result.error_code, error) << name << ": " << result.ToString();
    EXPECT_EQ(result.base_offset, -1) << name;
    EXPECT_TRUE(result.error_message.has_value() && !result.error_message->empty()) << name;
    EXPECT_EQ(Replica(1, "t")->log_end_offset, written_) << name;
  }
  void ExpectTaken(Buffer batch, int64_t count, const std::string& name) {
    const PartitionResult result = Send(std::move(batch));
    EXPECT_EQ(result.error_code, ErrorCode::NONE) << name << ": " << result.ToString();
    EXPECT_EQ(result.base_offset, written_) << name;
    written_ += count;
  }
  Uuid topic_id_;
  int64_t written_ = 0;
};

TEST_F(HostileBatchesTest, RecordsThatAreNotWhatTheBatchSays) {
  ExpectTaken(BatchAround(Records({{}, {.offset_delta = 1}}), 2), 2, "the good one");
  struct Case {
    const char* name;
    std::vector<Record> records;
    int32_t count;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"a gap in the offsets", {{}, {.offset_delta = 2}}, 2},
           {"an offset twice", {{}, {}}, 2},
           {"offsets backwards", {{.offset_delta = 1}, {}}, 2},
           {"a negative offset", {{.offset_delta = -1}}, 1},
           {"more records than counted", {{}, {.offset_delta = 1}}, 1},
           {"fewer records than counted", {{}}, 2},
           {"two thousand million records counted", {{}}, std::numeric_limits<int32_t>::max()},
           {"length too long", {{.length_lie = 1}}, 1},
           {"length too short", {{.length_lie = -1}}, 1},
           {"length negative", {{.length_lie = -100}}, 1},
           {"length huge", {{.length_lie = std::numeric_limits<int32_t>::max() - 100}}, 1},
           {"key longer than the batch", {{.key_length = 1 << 30}}, 1},
           {"key of length -2", {{.key_length = -2}}, 1},
           {"value of length -7", {{.value_length = -7}}, 1},
           {"value longer than the batch", {{.value_length = 1 << 30}}, 1},
           {"headers that are not there", {{.headers = 3}}, 1},
           {"a million headers", {{.headers = 1'000'000}}, 1},
           {"headers -1", {{.headers = -1}}, 1},
           {"a header without a key", {{.headers = 1, .tail = "\x01\x01"}}, 1},
           {"bytes behind the headers", {{.tail = "tail"}}, 1}}) {
    ExpectRefused(BatchAround(Records(c.records), c.count), c.name);
  }
  std::vector<uint8_t> longer = Records({{}});
  longer.push_back(0);
  ExpectRefused(BatchAround(longer, 1), "a byte behind the records");
  ExpectRefused(BatchAround(std::vector<uint8_t>(11, 0xff), 1), "a varint without an end");
  ExpectRefused(BatchAround({}, 1), "no records at all");
  ExpectTaken(BatchAround(Records({{}}), 1), 1, "a good one behind them");
}

TEST_F(HostileBatchesTest, CompressedPayloadsThatAreNotOneStream) {
  const std::vector<uint8_t> records = Records({{}, {.offset_delta = 1}});
  for (Codec codec : {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd}) {
    const std::string name(kafka::CodecName(codec));
    const Buffer stream = kafka::Compress(codec, std::nullopt, records);
    ExpectTaken(BatchAround(stream.span(), 2, codec), 2, name);
    const auto refused = [&](std::span<const uint8_t> payload, const std::string& what) {
      const PartitionResult result = Send(BatchAround(payload, 2, codec));
      EXPECT_TRUE(result.error_code == ErrorCode::CORRUPT_MESSAGE ||
                  result.error_code == ErrorCode::INVALID_RECORD)
          << name << ", " << what << ": " << result.ToString();
      EXPECT_TRUE(result.error_message.has_value() && !result.error_message->empty())
          << name << ", " << what;
      EXPECT_EQ(Replica(1, "t")->log_end_offset, written_) << name << ", " << what;
    };
    for (size_t size = 0; size < stream.size(); size += 3) {
      refused(stream.span().first(size), fmt::format("the first {} bytes", size));
    }
    std::vector<uint8_t> longer(stream.data(), stream.data() + stream.size());
    longer.insert(longer.end(), 5, 0xee);
    refused(longer, "bytes behind the stream");
    refused(records, "not compressed");
    std::vector<uint8_t> noise(200);
    for (size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<uint8_t>(i * 37 + 11);
    refused(noise, "noise");
    const std::vector<uint8_t> lying = Records({{}, {.offset_delta = 5}});
    const Buffer compressed = kafka::Compress(codec, std::nullopt, lying);
    refused(compressed.span(), "a gap in the offsets");
  }
}

// max.message.bytes counts compressed bytes, so this is allowed (and Kafka takes it); what it must
// not do is take its size in memory. The real-process test measures that.
TEST_F(HostileBatchesTest, ABombIsValidatedPieceByPiece) {
  const std::string zeros(64 << 20, '\0');
  for (Codec codec : {Codec::kGzip, Codec::kZstd, Codec::kLz4}) {
    kafka::BatchBuilder builder({.codec = codec});
    builder.Append(kTimestamp, std::nullopt, zeros);
    const Buffer bomb = builder.Build();
    ASSERT_LT(bomb.size(), 1u << 20);
    ExpectTaken(bomb, 1, std::string(kafka::CodecName(codec)));
  }
}

TEST_F(HostileBatchesTest, LargerThanASegment) {
  topic_id_ = CreateTopic("small-segments", 1, 1,
                          {{"segment.bytes", "1048576"}, {"max.message.bytes", "8388608"}});
  const PartitionResult result = Send(Batch(std::string(2 << 20, 'x')));
  EXPECT_EQ(result.error_code, ErrorCode::RECORD_LIST_TOO_LARGE) << result.ToString();
  EXPECT_EQ(Send(Batch(std::string(900'000, 'x'))).error_code, ErrorCode::NONE);
}

// One flipped bit anywhere in a batch: refused, or taken and still what it says. Never a crash.
TEST_F(HostileBatchesTest, EveryFlippedBit) {
  const Buffer good = Batch("some value");
  for (size_t at = 0; at < good.size(); ++at) {
    Buffer bad = Buffer::CopyOf(good.span());
    bad.mutable_data()[at] ^= static_cast<uint8_t>(1 << (at % 8));
    const PartitionResult result = Send(std::move(bad));
    // The leader epoch is the leader's to write, and not covered by the CRC.
    const bool ignored = at >= layout::kLeaderEpoch && at < layout::kMagic;
    EXPECT_EQ(result.error_code == ErrorCode::NONE, ignored) << "byte " << at;
  }
}

}  // namespace
}  // namespace soliton::broker

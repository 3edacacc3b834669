// What Produce accepts and refuses, asked of a running broker (rows of "observed on a running
// Apache Kafka" and of the bad-input table).
#include "protocol/messages/init_producer_id.h"
#include "protocol/record/record_batch.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/endian.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
namespace layout = kafka::batch_layout;

class ProduceRulesTest : public BrokerClusterTest {
 protected:
  void SetUp() override {
    Start(1);
    topic_id_ = CreateTopic("t", 1, 1, {});
  }
  // One to whom `change` was done; the CRC is right again afterwards.
  static Buffer Changed(const std::function<void(uint8_t*)>& change, bool fix_crc = true,
                        const kafka::BatchOptions& options = {}) {
    Buffer batch = Buffer::CopyOf(Batch("value", options).span());
    change(batch.mutable_data());
    if (fix_crc) {
      StoreBigEndian<uint32_t>(batch.mutable_data() + layout::kCrc,
                               Crc32c(batch.span().subspan(layout::kAttributes)));
    }
    return batch;
  }
  PartitionResult Send(Buffer batch, int16_t version = 13) {
    kafka::ProduceRequest request = ProduceTo(topic_id_, 0, std::move(batch));
    request.topic_data[0].name = "t";
    return Result(Call(1, request, version));
  }
  Uuid topic_id_;
};

TEST_F(ProduceRulesTest, HostileBatchesWriteNothing) {
  struct Case {
    const char* name;
    Buffer batch;
    ErrorCode error;
  };
  const Buffer good = Batch();
  Buffer two = Buffer::Allocate(good.size() * 2);
  std::copy_n(good.data(), good.size(), two.mutable_data());
  std::copy_n(good.data(), good.size(), two.mutable_data() + good.size());
  const auto put32 = [](size_t at, int32_t value) {
    return [=](uint8_t* bytes) { StoreBigEndian(bytes + at, value); };
  };
  const auto put16 = [](size_t at, int16_t value) {
    return [=](uint8_t* bytes) { StoreBigEndian(bytes + at, value); };
  };
  const auto put8 = [](size_t at, uint8_t value) {
    return [=](uint8_t* bytes) { bytes[at] = value; };
  };
  const int32_t length = static_cast<int32_t>(good.size()) - 12;
  const std::vector<Case> cases = {
      {"no bytes", Buffer(), ErrorCode::INVALID_RECORD},
      {"two batches", two, ErrorCode::INVALID_RECORD},
      {"CRC wrong", Changed(put32(layout::kCrc, 1), false), ErrorCode::CORRUPT_MESSAGE},
      {"length too small", Changed(put32(layout::kBatchLength, 10), false),
       ErrorCode::CORRUPT_MESSAGE},
      {"length too large", Changed(put32(layout::kBatchLength, length + 1), false),
       ErrorCode::INVALID_RECORD},
      {"magic 1", Changed(put8(layout::kMagic, 1), false), ErrorCode::INVALID_RECORD},
      {"magic 3", Changed(put8(layout::kMagic, 3), false), ErrorCode::CORRUPT_MESSAGE},
      {"count 0", Changed(put32(layout::kRecordsCount, 0)), ErrorCode::INVALID_RECORD},
      {"count negative", Changed(put32(layout::kRecordsCount, -1)), ErrorCode::INVALID_RECORD},
      {"count too big", Changed(put32(layout::kRecordsCount, 2)), ErrorCode::INVALID_RECORD},
      {"last delta wrong", Changed(put32(layout::kLastOffsetDelta, 4)), ErrorCode::INVALID_RECORD},
      {"base offset", Changed(put32(layout::kBaseOffset + 4, 5)), ErrorCode::INVALID_RECORD},
      {"control batch", Changed(put16(layout::kAttributes, kafka::kControlBit)),
       ErrorCode::INVALID_RECORD},
      {"pid without sequence",
       Changed([](uint8_t* bytes) { StoreBigEndian<int64_t>(bytes + layout::kProducerId, 5); }),
       ErrorCode::INVALID_RECORD},
      {"record length lies", Changed(put8(layout::kRecords, 0x7e)), ErrorCode::INVALID_RECORD},
      {"codec 7", Changed(put16(layout::kAttributes, 7)), ErrorCode::INVALID_RECORD},
      {"not transactional", Changed(put16(layout::kAttributes, kafka::kTransactionalBit)),
       ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED},
      {"half", good.Slice(0, good.size() / 2), ErrorCode::INVALID_RECORD},
      {"3 bytes", good.Slice(0, 3), ErrorCode::INVALID_RECORD},
      {"40 days ahead",
       [] {
         kafka::BatchBuilder builder;
         builder.Append(1'700'000'000'000 + 40ll * 86'400'000, std::nullopt, "v");
         return builder.Build();
       }(),
       ErrorCode::INVALID_TIMESTAMP},
      {"too large", Batch(std::string(1 << 21, 'x')), ErrorCode::MESSAGE_TOO_LARGE},
  };
  for (const Case& c : cases) {
    const PartitionResult result = Send(c.batch);
    EXPECT_EQ(result.error_code, c.error) << c.name;
    EXPECT_EQ(result.base_offset, -1) << c.name;
  }
  for (int16_t codec = 1; codec <= 4; ++codec) {
    const PartitionResult result = Send(Changed(put16(layout::kAttributes, codec)));
    EXPECT_TRUE(result.error_code == ErrorCode::CORRUPT_MESSAGE ||
                result.error_code == ErrorCode::INVALID_RECORD)
        << "codec " << codec
        << " of what is no such stream: " << kafka::ErrorName(result.error_code);
  }
  const PartitionResult good_one = Send(good);
  EXPECT_EQ(good_one.error_code, ErrorCode::NONE);
  EXPECT_EQ(good_one.base_offset, 0) << "nothing of the above was written";
}

TEST_F(ProduceRulesTest, NullRecordsAreAnsweredAtOnce) {
  kafka::ProduceRequest request = ProduceTo(topic_id_, 0, Buffer());
  request.topic_data[0].partition_data[0].records = kafka::Records();
  const MonotonicTime asked = world_.Now();
  EXPECT_EQ(Result(Call(1, request)).error_code, ErrorCode::INVALID_RECORD);
  EXPECT_LT(world_.Now() - asked, seconds(1));
}

TEST_F(ProduceRulesTest, LyingButHarmlessBatchesAreTaken) {
  const auto put64 = [](size_t at, int64_t value) {
    return [=](uint8_t* bytes) { StoreBigEndian(bytes + at, value); };
  };
  int64_t expected = 0;
  for (Buffer batch : {Changed(put64(layout::kMaxTimestamp, 5)), Changed([](uint8_t* bytes) {
                         StoreBigEndian<int32_t>(bytes + layout::kBaseSequence, 5);
                       }),
                       Changed([](uint8_t* bytes) { bytes[layout::kAttributes] = 0x80; })}) {
    const PartitionResult result = Send(std::move(batch));
    EXPECT_EQ(result.error_code, ErrorCode::NONE) << result.ToString();
    EXPECT_EQ(result.base_offset, expected++);
  }
}

TEST_F(ProduceRulesTest, AcksOutOfRange) {
  for (int16_t acks : {2, -2, 127}) {
    EXPECT_EQ(Result(Call(1, ProduceTo(topic_id_, 0, Batch(), acks))).error_code,
              ErrorCode::INVALID_REQUIRED_ACKS)
        << acks;
  }
}

TEST_F(ProduceRulesTest, WithoutAcksNothingIsAnsweredAndErrorsClose) {
  RawClient& client = Connect(1);
  SendRequest(client, 13, 1, ProduceTo(topic_id_, 0, Batch(), 0));
  SendRequest(client, 13, 2, ProduceTo(topic_id_, 0, Batch(), 1));
  auto frame = NextFrame(client);
  ASSERT_TRUE(frame.ok()) << frame.status();
  auto second = kafka::DecodeResponse<kafka::ProduceResponse>(*frame, 13, 2);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(Result(second).base_offset, 1) << "the first one was written, silently";
  SendRequest(client, 13, 3, ProduceTo(topic_id_, 9, Batch(), 0));
  EXPECT_TRUE(absl::IsUnavailable(NextFrame(client).status()));
}

// What was pipelined behind the request that broke the connection must not be begun: the client
// believes it lost and sends it again.
TEST_F(ProduceRulesTest, NothingIsBegunBehindTheRequestThatClosedTheConnection) {
  RawClient& client = Connect(1);
  bool sent = false;
  client_.Post([&] {
    for (int32_t partition : {9, 0, 0, 0}) {
      client.Send(kafka::EncodeRequest({.api_key = 0,
                                        .api_version = 13,
                                        .correlation_id = 1,
                                        .client_id = "test",
                                        .unknown_tagged_fields = {}},
                                       ProduceTo(topic_id_, partition, Batch(), 0)));
    }
    sent = true;
  });
  EXPECT_TRUE(absl::IsUnavailable(NextFrame(client).status()));
  world_.RunFor(seconds(1));
  EXPECT_EQ(Replica(1, "t")->log_end_offset, 0);
}

TEST_F(ProduceRulesTest, UnknownTopicsAndPartitions) {
  EXPECT_EQ(Result(Call(1, ProduceTo(Uuid{9, 9}, 0, Batch()))).error_code,
            ErrorCode::UNKNOWN_TOPIC_ID);
  EXPECT_EQ(Result(Call(1, ProduceTo({}, 0, Batch()))).error_code, ErrorCode::UNKNOWN_TOPIC_ID);
  for (int32_t partition : {-1, 1, 1 << 30}) {
    EXPECT_EQ(Result(Call(1, ProduceTo(topic_id_, partition, Batch()))).error_code,
              ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  }
  kafka::ProduceRequest by_name = ProduceTo({}, 0, Batch());
  by_name.topic_data[0].name = "nowhere";
  EXPECT_EQ(Result(Call(1, by_name, 12)).error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

TEST_F(ProduceRulesTest, EveryServedVersionWrites) {
  for (int16_t version = 3; version <= 13; ++version) {
    const PartitionResult result = Send(Batch(), version);
    EXPECT_EQ(result.error_code, ErrorCode::NONE) << version;
    EXPECT_EQ(result.base_offset, version - 3);
  }
}

TEST_F(ProduceRulesTest, ZstdNeedsAClientThatKnowsIt) {
  const Buffer batch = Batch("value", {.codec = kafka::Codec::kZstd});
  EXPECT_EQ(Send(Buffer::CopyOf(batch.span()), 6).error_code,
            ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
  EXPECT_EQ(Send(Buffer::CopyOf(batch.span()), 7).error_code, ErrorCode::NONE);
}

TEST_F(ProduceRulesTest, SequencesOfIdempotentProducers) {
  const auto send = [&](int64_t producer, int16_t epoch, int32_t sequence) {
    return Send(Batch(
        "value", {.producer_id = producer, .producer_epoch = epoch, .base_sequence = sequence}));
  };
  EXPECT_EQ(send(50, 0, 7).error_code, ErrorCode::NONE) << "first batch of an unknown producer";
  EXPECT_EQ(send(51, 0, 2147483646).error_code, ErrorCode::NONE);
  EXPECT_EQ(send(51, 0, 2147483647).error_code, ErrorCode::NONE);
  EXPECT_EQ(send(51, 0, 0).error_code, ErrorCode::NONE) << "wraps";
  for (int32_t sequence = 0; sequence < 7; ++sequence) {
    EXPECT_EQ(send(60, 1, sequence).error_code, ErrorCode::NONE);
  }
  const PartitionResult again = send(60, 1, 5);
  EXPECT_EQ(again.error_code, ErrorCode::NONE);
  EXPECT_EQ(again.base_offset, 4 + 5) << "the original's offset";
  EXPECT_EQ(send(60, 1, 0).error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER) << "too long ago";
  EXPECT_EQ(send(60, 1, 9).error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER) << "a gap";
  EXPECT_EQ(send(60, 2, 3).error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
      << "a new epoch begins at 0";
  EXPECT_EQ(send(60, 0, 7).error_code, ErrorCode::INVALID_PRODUCER_EPOCH);
}

// FOUND 39: sent all the time while the topic appears, so that some come between the topic's being
// known and its log's being open.
TEST_F(ProduceRulesTest, WhatFollowsARefusedFirstBatchIsOutOfOrderAsSoonAsTheTopicIsThere) {
  constexpr int16_t kByName = 12;
  const auto request = [](const std::string& topic, int32_t sequence) {
    kafka::ProduceRequest produce = ProduceTo(
        {}, 0,
        Batch("value", {.producer_id = 4711, .producer_epoch = 0, .base_sequence = sequence}));
    produce.topic_data[0].name = topic;
    return produce;
  };
  int too_early = 0;
  for (int round = 0; round < 20; ++round) {
    const std::string topic = fmt::format("late-{}", round);
    RawClient& client = Connect(1);
    SendRequest(client, kByName, 0, request(topic, 0));
    const auto next_error = [&](int32_t correlation_id) {
      auto frame = NextFrame(client);
      EXPECT_TRUE(frame.ok()) << frame.status();
      return Result(kafka::DecodeResponse<kafka::ProduceResponse>(*frame, kByName, correlation_id))
          .error_code;
    };
    ASSERT_EQ(next_error(0), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    kafka::CreateTopicsRequest create;
    auto& created = create.topics.emplace_back();
    created.name = topic;
    created.num_partitions = 1;
    created.replication_factor = 1;
    create.timeout_ms = 10000;
    RawClient& admin = Connect(1);
    SendRequest(admin, 5, 1, create);
    int32_t sent = 0;
    while (admin.frames.empty() || sent < 500) {
      SendRequest(client, kByName, ++sent, request(topic, 1));
      world_.RunFor(microseconds(10));
      ASSERT_LT(sent, 1'000'000);
    }
    ErrorCode last = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    for (int32_t i = 1; i <= sent; ++i) {
      last = next_error(i);
      ASSERT_NE(last, ErrorCode::NONE) << topic << ", batch " << i << " of " << sent;
      too_early += last == ErrorCode::NOT_LEADER_OR_FOLLOWER;
    }
    EXPECT_EQ(last, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    CloseClients();
  }
  EXPECT_GT(too_early, 0);
}

TEST_F(ProduceRulesTest, ProducerIdsAreNeverGivenTwice) {
  std::set<int64_t> seen;
  for (int i = 0; i < 20; ++i) {
    kafka::InitProducerIdRequest request;
    request.transactional_id.reset();
    auto response = Call(1, request, static_cast<int16_t>(i % 6));
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->error_code, ErrorCode::NONE);
    EXPECT_EQ(response->producer_epoch, 0);
    EXPECT_TRUE(seen.insert(response->producer_id).second) << response->producer_id;
    if (i == 10) {
      node(1).Crash();
      RestartAndServe(1);
    }
  }
  kafka::InitProducerIdRequest transactional;
  transactional.transactional_id = "";
  EXPECT_EQ(Call(1, transactional)->error_code, ErrorCode::INVALID_REQUEST);
  transactional.transactional_id = "tx";
  EXPECT_EQ(Call(1, transactional)->error_code, ErrorCode::COORDINATOR_NOT_AVAILABLE);
}

TEST_F(ProduceRulesTest, KeylessRecordOnACompactedTopic) {
  topic_id_ = CreateTopic("compacted", 1, 1, {{"cleanup.policy", "compact"}});
  const PartitionResult result = Send(Batch());
  EXPECT_EQ(result.error_code, ErrorCode::INVALID_RECORD);
  ASSERT_EQ(result.record_errors.size(), 1u);
  EXPECT_EQ(result.record_errors[0].batch_index, 0);
}

// The effective minimum is never more than there can be.
TEST_F(ProduceRulesTest, MinInsyncReplicasAboveTheReplicationFactor) {
  topic_id_ = CreateTopic("strict", 1, 1, {{"min.insync.replicas", "2"}});
  EXPECT_EQ(Send(Batch()).error_code, ErrorCode::NONE);
}

// A client that never gets around to its answers costs a bounded amount of memory.
TEST_F(ProduceRulesTest, ManyLargeRequestsInFlightAreReadPieceByPiece) {
  node(1).Crash();
  adjust_ = [](BrokerOptions& options) { options.memory_budget_bytes = 2 << 20; };
  RestartAndServe(1);
  node(1).StallDisk(seconds(5));
  RawClient& client = Connect(1);
  const std::string value(400 << 10, 'x');
  for (int i = 0; i < 30; ++i) SendRequest(client, 13, i, ProduceTo(topic_id_, 0, Batch(value)));
  world_.RunFor(seconds(2));
  EXPECT_LT(Replica(1, "t")->log_end_offset, 8) << "12 MB were not taken in at once";
  // Another client with little to say is heard all the same.
  RawClient& other = Connect(1);
  SendRequest(other, 13, 1, kafka::MetadataRequest());
  EXPECT_TRUE(NextFrame(other, seconds(1)).ok());
  for (int i = 0; i < 30; ++i) {
    auto frame = NextFrame(client);
    ASSERT_TRUE(frame.ok()) << i << ": " << frame.status();
    auto response = kafka::DecodeResponse<kafka::ProduceResponse>(*frame, 13, i);
    ASSERT_TRUE(response.ok());
    EXPECT_EQ(Result(response).base_offset, i);
  }
}

}  // namespace
}  // namespace soliton::broker

// Frames and requests that no polite client sends, and what each client relies on, asked of a
// running broker.
#include "protocol/messages/api_versions.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/messages/list_offsets.h"
#include "protocol/messages/offset_for_leader_epoch.h"
#include "runtime/base/endian.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class ProtocolRulesTest : public BrokerClusterTest {
 protected:
  void SetUp() override { Start(1); }

  static BufferChain Frame(std::initializer_list<int> bytes) {
    Buffer buffer = Buffer::Allocate(bytes.size());
    std::copy(bytes.begin(), bytes.end(), buffer.mutable_data());
    return BufferChain(std::move(buffer));
  }
  template <typename Request>
  static Buffer Encoded(const Request& request, int16_t version) {
    return *kafka::EncodeRequest({.api_key = Request::kApiKey,
                                  .api_version = version,
                                  .correlation_id = 5,
                                  .client_id = "test",
                                  .unknown_tagged_fields = {}},
                                 request)
                .Flatten();
  }
  static kafka::MetadataRequest MetadataOf(std::string name) {
    kafka::MetadataRequest request;
    request.topics.emplace().emplace_back().name = std::move(name);
    request.allow_auto_topic_creation = false;
    return request;
  }
  void ExpectClosed(BufferChain frame, const char* name) {
    RawClient& client = Connect(1);
    SendFrame(client, std::move(frame));
    EXPECT_TRUE(absl::IsUnavailable(NextFrame(client, seconds(5)).status())) << name;
    // And nobody else is any the worse for it.
    EXPECT_TRUE(Call(1, MetadataOf("x")).ok()) << name;
  }
};

TEST_F(ProtocolRulesTest, BadFramesCloseTheConnection) {
  ExpectClosed(Frame({}), "empty");
  ExpectClosed(Frame({0}), "one byte");
  ExpectClosed(Frame({0, 3, 0, 1, 0, 0}), "half a header");
  ExpectClosed(Frame({0x16, 0x03, 0x01, 0x02, 0, 1, 0, 1, 0xfc, 3, 3}), "TLS hello");
  ExpectClosed(BufferChain(Buffer::CopyOf(std::string_view("GET / HTTP/1.1\r\n\r\n"))), "HTTP");
  ExpectClosed(Frame({0x03, 0xe7, 0, 0, 0, 0, 0, 1, 0xff, 0xff}), "unknown API key");
  ExpectClosed(Frame({0xff, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff}), "negative API key");
  ExpectClosed(Frame({0, 3, 0, 99, 0, 0, 0, 1, 0xff, 0xff, 0}), "unknown version");
  ExpectClosed(Frame({0, 3, 0xff, 0xff, 0, 0, 0, 1, 0xff, 0xff}), "negative version");
  ExpectClosed(Frame({0, 0, 0, 2, 0, 0, 0, 1, 0xff, 0xff}), "Produce 2: advertised, not served");
  ExpectClosed(Frame({0, 3, 0, 1, 0, 0, 0, 1, 0x7f, 0xff}), "client id longer than the frame");
  // Metadata 1 with an array of 2^31-1 topics, and of -2.
  ExpectClosed(Frame({0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff}), "huge array");
  ExpectClosed(Frame({0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}), "count -2");
  // Metadata 9: compact array count as an endless varint.
  ExpectClosed(Frame({0, 3, 0, 9, 0, 0, 0, 1, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
               "varint too long");
}

// ApiVersions 3 with a header of version 2 and these bytes as its tags and body.
TEST_F(ProtocolRulesTest, BadTagsAndStringsCloseTheConnection) {
  const auto frame = [](std::string_view header_tags, std::string_view body) {
    std::string bytes("\0\x12\0\x03\0\0\0\x05\xff\xff", 10);
    bytes.append(header_tags).append(body);
    return BufferChain(Buffer::CopyOf(bytes));
  };
  const std::string none(1, '\0');
  const std::string names =
      "\x02"
      "a"
      "\x02"
      "b";
  RawClient& good = Connect(1);
  SendFrame(good, frame(std::string("\x02\x05\0\x09\x01z", 6), names + none));
  EXPECT_TRUE(NextFrame(good).ok()) << "tags that nobody knows are skipped";
  ExpectClosed(frame(std::string("\x02\x05\0\x05\0", 5), names + none), "the same tag twice");
  RawClient& unsorted = Connect(1);
  SendFrame(unsorted, frame(std::string("\x02\x06\0\x05\0", 5), names + none));
  EXPECT_TRUE(NextFrame(unsorted).ok())
      << "unknown tags out of order are put in order, as Kafka takes them";
  ExpectClosed(frame(none, names + std::string("\x02\x05\0\x05\0", 5)), "twice in the body");
  ExpectClosed(frame(std::string("\x01\x05\x7f"
                                 "abc"),
                     names + none),
               "a tag beyond the end");
  ExpectClosed(frame("\xff\xff\xff\xff\x0f", names + none), "2^32-1 tags");
  ExpectClosed(frame("\xff\xff\xff\xff\xff\xff", names + none), "a count without an end");
  ExpectClosed(frame(none, std::string("\0\x02"
                                       "b\0",
                                       4)),
               "null where not nullable");
  ExpectClosed(frame(none,
                     "\x7f"
                     "a\x02"
                     "b"),
               "a string beyond the end");
  ExpectClosed(frame(none,
                     "\xff\xff\xff\xff\x0f"
                     "a"),
               "a string of 4 GiB");
}

// Bytes that are no UTF-8 are not a topic name; nothing is created from them.
TEST_F(ProtocolRulesTest, NamesThatAreNotText) {
  for (const std::string& name : {std::string("\xff\xfe"), std::string("a\0b", 3),
                                  std::string("\xc3("), std::string("a\nb")}) {
    kafka::MetadataRequest creating = MetadataOf(name);
    creating.allow_auto_topic_creation = true;
    auto response = Call(1, creating);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->topics.at(0).error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
  }
  kafka::MetadataRequest all;
  all.topics.reset();
  EXPECT_TRUE(Call(1, all)->topics.empty());
}

TEST_F(ProtocolRulesTest, EveryPrefixOfARequestIsRefused) {
  const Buffer whole = Encoded(FetchFrom(Uuid{1, 2}, 0, 0), 13);
  for (size_t size = 0; size < whole.size(); size += 3) {
    RawClient& client = Connect(1);
    SendFrame(client, BufferChain(whole.Slice(0, size)));
    EXPECT_TRUE(absl::IsUnavailable(NextFrame(client, seconds(5)).status())) << size;
    CloseClients();
  }
}

TEST_F(ProtocolRulesTest, BytesBehindTheBodyAreIgnored) {
  const Buffer request = Encoded(MetadataOf("x"), 4);
  Buffer longer = Buffer::Allocate(request.size() + 7);
  std::copy_n(request.data(), request.size(), longer.mutable_data());
  std::fill_n(longer.mutable_data() + request.size(), 7, uint8_t{0xee});
  RawClient& client = Connect(1);
  SendFrame(client, BufferChain(longer));
  EXPECT_TRUE(NextFrame(client).ok());
}

TEST_F(ProtocolRulesTest, FrameAboveTheLimitCloses) {
  node(1).Crash();
  adjust_ = [](BrokerOptions& options) { options.max_request_bytes = 10000; };
  RestartAndServe(1);
  ExpectClosed(BufferChain(Buffer::Allocate(10001)), "10001 bytes");
}

TEST_F(ProtocolRulesTest, ResponsesComeInRequestOrder) {
  const Uuid topic = CreateTopic("t", 1, 1, {});
  RawClient& client = Connect(1);
  kafka::FetchRequest waits = FetchFrom(topic, 0, 0);
  waits.max_wait_ms = 500;
  bool sent = false;
  client_.Post([&] {
    client.Send(BufferChain(Encoded(waits, 13)));
    client.Send(BufferChain(Encoded(MetadataOf("t"), 12)));
    sent = true;
  });
  const MonotonicTime asked = world_.Now();
  auto first = NextFrame(client);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(kafka::DecodeResponse<kafka::FetchResponse>(*first, 13, 5).ok());
  EXPECT_GE(world_.Now() - asked, milliseconds(500));
  auto second = NextFrame(client);
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(kafka::DecodeResponse<kafka::MetadataResponse>(*second, 12, 5).ok());
}

// ---- ApiVersions ----

TEST_F(ProtocolRulesTest, ApiVersionsOfTheFutureIsAnsweredInVersionZero) {
  for (int version : {5, 99, 32767}) {
    RawClient& client = Connect(1);
    SendFrame(client, Frame({0, 18, version >> 8, version & 255, 0, 0, 0, 5, 0xff, 0xff, 0, 1, 2}));
    auto frame = NextFrame(client);
    ASSERT_TRUE(frame.ok()) << frame.status();
    auto response = kafka::DecodeResponse<kafka::ApiVersionsResponse>(*frame, 0, 5);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->error_code, ErrorCode::UNSUPPORTED_VERSION);
    bool lists_itself = false;
    for (const auto& api : response->api_keys) lists_itself |= api.api_key == 18;
    EXPECT_TRUE(lists_itself) << "or the client cannot know what to step down to";
  }
}

TEST_F(ProtocolRulesTest, ApiVersionsListsWhatIsServed) {
  kafka::ApiVersionsRequest request;
  request.client_software_name = "a-b.c";
  request.client_software_version = "1.0";
  for (int16_t version = 0; version <= 4; ++version) {
    auto response = Call(1, request, version);
    ASSERT_TRUE(response.ok()) << version << ": " << response.status();
    EXPECT_EQ(response->error_code, ErrorCode::NONE);
    EXPECT_EQ(response->api_keys.size(), Handlers().size());
    int16_t before = -1;
    for (const auto& api : response->api_keys) {
      EXPECT_GT(api.api_key, before);
      before = api.api_key;
      EXPECT_LE(api.min_version, api.max_version);
      if (api.api_key == 0) {
        EXPECT_EQ(api.min_version, 0) << "librdkafka looks for Produce 0 before it compresses";
      }
    }
  }
}

TEST_F(ProtocolRulesTest, ApiVersionsChecksTheClientsName) {
  for (const char* name : {"", "-a", "a-", "a b", "a\n", "\xff"}) {
    kafka::ApiVersionsRequest request;
    request.client_software_name = name;
    request.client_software_version = "1";
    auto response = Call(1, request, 3);
    if (!response.ok()) continue;  // bad UTF-8 may close
    EXPECT_EQ(response->error_code, ErrorCode::INVALID_REQUEST) << name;
  }
}

// kafka-python 2.0.2 does not wait for the first answer.
TEST_F(ProtocolRulesTest, PipelinedApiVersionsAndMetadataOfKafkaPython) {
  RawClient& client = Connect(1);
  bool sent = false;
  client_.Post([&] {
    client.Send(Frame({0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff}));
    client.Send(Frame({0, 3, 0, 0, 0, 0, 0, 2, 0xff, 0xff, 0, 0, 0, 0}));
    sent = true;
  });
  auto versions = NextFrame(client);
  ASSERT_TRUE(versions.ok());
  EXPECT_TRUE(kafka::DecodeResponse<kafka::ApiVersionsResponse>(*versions, 0, 1).ok());
  auto metadata = NextFrame(client);
  ASSERT_TRUE(metadata.ok());
  auto decoded = kafka::DecodeResponse<kafka::MetadataResponse>(*metadata, 0, 2);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->brokers.size(), 1u);
}

// ---- Metadata ----

TEST_F(ProtocolRulesTest, MetadataAllNoneAndById) {
  const Uuid id = CreateTopic("t", 2, 1, {});
  for (int16_t version = 0; version <= NewestOf<kafka::MetadataRequest>(); ++version) {
    kafka::MetadataRequest none;
    none.topics.emplace();
    auto response = Call(1, none, version);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->topics.size(), version == 0 ? 1u : 0u) << version;
    EXPECT_EQ(response->brokers.size(), 1u);
    if (version >= 1) {
      EXPECT_EQ(response->controller_id, 1);
      kafka::MetadataRequest all;
      all.topics.reset();
      response = Call(1, all, version);
      ASSERT_TRUE(response.ok()) << response.status();
      ASSERT_EQ(response->topics.size(), 1u) << version;
      EXPECT_EQ(response->topics[0].partitions.size(), 2u);
    }
  }
  kafka::MetadataRequest by_id;
  by_id.allow_auto_topic_creation = true;
  auto& wanted = by_id.topics.emplace().emplace_back();
  wanted.name.reset();
  wanted.topic_id = id;
  auto response = Call(1, by_id, 12);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->topics.at(0).name, "t");
  by_id.topics->at(0).topic_id = Uuid{7, 7};
  EXPECT_EQ(Call(1, by_id, 12)->topics.at(0).error_code, ErrorCode::UNKNOWN_TOPIC_ID);
}

TEST_F(ProtocolRulesTest, MetadataCreatesTopicsOnlyWhenAsked) {
  EXPECT_EQ(Call(1, MetadataOf("auto"))->topics.at(0).error_code,
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  kafka::MetadataRequest creating = MetadataOf("auto");
  creating.allow_auto_topic_creation = true;
  auto response = Call(1, creating);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->topics.at(0).error_code, ErrorCode::NONE) << response->ToString();
  EXPECT_EQ(response->topics.at(0).partitions.size(), 1u);
  creating.topics->at(0).name = "bad name";
  EXPECT_EQ(Call(1, creating)->topics.at(0).error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
}

// ---- ListOffsets, OffsetForLeaderEpoch, FindCoordinator ----

TEST_F(ProtocolRulesTest, ListOffsetsByVersion) {
  const Uuid id = CreateTopic("t", 1, 1, {});
  ASSERT_EQ(Produce(1, id, 0, "a"), ErrorCode::NONE);
  const auto ask = [&](int64_t timestamp, int16_t version) {
    kafka::ListOffsetsRequest request;
    request.replica_id = -1;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    auto& partition = topic.partitions.emplace_back();
    partition.timestamp = timestamp;
    auto response = Call(1, request, version);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->topics.at(0).partitions.at(0)
                         : kafka::ListOffsetsResponse::ListOffsetsPartitionResponse();
  };
  for (int16_t version = 1; version <= 11; ++version) {
    EXPECT_EQ(ask(-2, version).offset, 0) << version;
    auto latest = ask(-1, version);
    EXPECT_EQ(latest.offset, 1);
    EXPECT_EQ(latest.timestamp, -1);
    EXPECT_EQ(latest.leader_epoch, version >= 4 ? 0 : -1);
    EXPECT_EQ(ask(1'600'000'000'000, version).offset, 0);
    EXPECT_EQ(ask(1'800'000'000'000, version).offset, -1);
    EXPECT_EQ(ask(-3, version).error_code,
              version >= 7 ? ErrorCode::NONE : ErrorCode::UNSUPPORTED_VERSION);
    EXPECT_EQ(ask(-4, version).error_code,
              version >= 8 ? ErrorCode::NONE : ErrorCode::UNSUPPORTED_VERSION);
    EXPECT_EQ(ask(-5, version).error_code,
              version >= 9 ? ErrorCode::NONE : ErrorCode::UNSUPPORTED_VERSION);
    EXPECT_EQ(ask(-6, version).error_code,
              version >= 11 ? ErrorCode::NONE : ErrorCode::UNSUPPORTED_VERSION);
    EXPECT_EQ(ask(-77, version).error_code, ErrorCode::UNSUPPORTED_VERSION);
  }
}

TEST_F(ProtocolRulesTest, OffsetForLeaderEpochBeyondTheCurrent) {
  CreateTopic("t", 1, 1, {});
  for (int32_t epoch : {-1, 7}) {
    kafka::OffsetForLeaderEpochRequest request;
    auto& topic = request.topics.emplace_back();
    topic.topic = "t";
    topic.partitions.emplace_back().leader_epoch = epoch;
    auto response = Call(1, request, 4);
    ASSERT_TRUE(response.ok()) << response.status();
    const auto& result = response->topics.at(0).partitions.at(0);
    EXPECT_EQ(result.error_code, ErrorCode::NONE);
    EXPECT_EQ(result.end_offset, -1);
  }
}

TEST_F(ProtocolRulesTest, FindCoordinatorSaysNotYet) {
  for (int16_t version = 0; version <= NewestOf<kafka::FindCoordinatorRequest>(); ++version) {
    kafka::FindCoordinatorRequest request;
    request.key = "group";
    request.coordinator_keys = {"group"};
    auto response = Call(1, request, version);
    ASSERT_TRUE(response.ok()) << version << ": " << response.status();
    EXPECT_EQ(version >= 4 ? response->coordinators.at(0).error_code : response->error_code,
              ErrorCode::COORDINATOR_NOT_AVAILABLE);
  }
}

// ---- CreateTopics, DeleteTopics ----

TEST_F(ProtocolRulesTest, CreateTopicsErrors) {
  CreateTopic("taken.name", 1, 1, {});
  const std::string kTooLong(250, 'a');
  struct Case {
    const char* name;
    int32_t partitions;
    int16_t replication_factor;
    ErrorCode error;
  };
  for (const Case& c : {Case{"taken.name", 1, 1, ErrorCode::TOPIC_ALREADY_EXISTS},
                        Case{"taken_name", 1, 1, ErrorCode::INVALID_TOPIC_EXCEPTION},
                        Case{"", 1, 1, ErrorCode::INVALID_TOPIC_EXCEPTION},
                        Case{".", 1, 1, ErrorCode::INVALID_TOPIC_EXCEPTION},
                        Case{"..", 1, 1, ErrorCode::INVALID_TOPIC_EXCEPTION},
                        Case{"a/b", 1, 1, ErrorCode::INVALID_TOPIC_EXCEPTION},
                        Case{"\xff\xfe", 1, 1, ErrorCode::INVALID_TOPIC_EXCEPTION},
                        Case{kTooLong.c_str(), 1, 1, ErrorCode::INVALID_TOPIC_EXCEPTION},
                        Case{"too-many-partitions", 1 << 30, 1, ErrorCode::POLICY_VIOLATION},
                        Case{"no-partitions", 0, 1, ErrorCode::INVALID_PARTITIONS},
                        Case{"no-replicas", 1, 0, ErrorCode::INVALID_REPLICATION_FACTOR},
                        Case{"too-many-replicas", 1, 2, ErrorCode::INVALID_REPLICATION_FACTOR}}) {
    kafka::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = c.name;
    topic.num_partitions = c.partitions;
    topic.replication_factor = c.replication_factor;
    request.timeout_ms = 5000;
    auto response = Call(1, request);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->topics.at(0).error_code, c.error) << c.name;
    EXPECT_TRUE(response->topics.at(0).error_message.has_value());
  }
  kafka::CreateTopicsRequest twice;
  twice.timeout_ms = 5000;
  for (int i = 0; i < 3; ++i) {
    auto& topic = twice.topics.emplace_back();
    topic.name = "twice";
    topic.num_partitions = 1;
    topic.replication_factor = 1;
  }
  auto response = Call(1, twice);
  ASSERT_EQ(response->topics.size(), 1u);
  EXPECT_EQ(response->topics[0].error_code, ErrorCode::INVALID_REQUEST);
}

TEST_F(ProtocolRulesTest, CreateTopicsNamesTheBadSetting) {
  for (const auto& [name, value] :
       {std::pair("retention.mss", "1"), std::pair("retention.ms", "soon"),
        std::pair("retention.ms", "-2"), std::pair("segment.bytes", "99999999999999999999"),
        std::pair("cleanup.policy", "burn"), std::pair("min.insync.replicas", "0"),
        std::pair("compression.type", "\xff\xfe")}) {
    kafka::CreateTopicsRequest request;
    request.timeout_ms = 5000;
    auto& topic = request.topics.emplace_back();
    topic.name = "configured";
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    auto& config = topic.configs.emplace_back();
    config.name = name;
    config.value = value;
    auto response = Call(1, request);
    ASSERT_TRUE(response.ok()) << response.status();
    const auto& result = response->topics.at(0);
    EXPECT_EQ(result.error_code, ErrorCode::INVALID_CONFIG) << name << "=" << value;
    EXPECT_NE(result.error_message.value_or("").find(name), std::string::npos)
        << result.error_message.value_or("");
  }
}

TEST_F(ProtocolRulesTest, CreateTopicsByHand) {
  const auto create = [&](std::vector<std::pair<int, std::vector<int32_t>>> assignments,
                          int32_t partitions) {
    kafka::CreateTopicsRequest request;
    request.timeout_ms = 5000;
    auto& topic = request.topics.emplace_back();
    topic.name = "by-hand";
    topic.num_partitions = partitions;
    topic.replication_factor = -1;
    for (auto& [partition, brokers] : assignments) {
      auto& assignment = topic.assignments.emplace_back();
      assignment.partition_index = partition;
      assignment.broker_ids = brokers;
    }
    auto response = Call(1, request);
    return response.ok() ? response->topics.at(0).error_code : ErrorCode::UNKNOWN_SERVER_ERROR;
  };
  EXPECT_EQ(create({{0, {1}}}, 1), ErrorCode::INVALID_REQUEST) << "both";
  EXPECT_EQ(create({{1, {1}}}, -1), ErrorCode::INVALID_REPLICA_ASSIGNMENT) << "a gap";
  EXPECT_EQ(create({{0, {1}}, {0, {1}}}, -1), ErrorCode::INVALID_REPLICA_ASSIGNMENT) << "twice";
  EXPECT_EQ(create({{0, {1, 1}}}, -1), ErrorCode::INVALID_REPLICA_ASSIGNMENT) << "duplicate";
  EXPECT_EQ(create({{0, {8}}}, -1), ErrorCode::INVALID_REPLICA_ASSIGNMENT) << "no such broker";
  EXPECT_EQ(create({{1, {1}}, {0, {1}}}, -1), ErrorCode::NONE);
}

TEST_F(ProtocolRulesTest, DeleteTopicsByNameAndById) {
  const Uuid id = CreateTopic("t", 1, 1, {});
  EXPECT_EQ(DeleteTopic("nowhere"), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  kafka::DeleteTopicsRequest by_id;
  by_id.timeout_ms = 5000;
  auto& topic = by_id.topics.emplace_back();
  topic.name.reset();
  topic.topic_id = Uuid{4, 4};
  EXPECT_EQ(Call(1, by_id)->responses.at(0).error_code, ErrorCode::UNKNOWN_TOPIC_ID);
  by_id.topics[0].topic_id = id;
  EXPECT_EQ(Call(1, by_id)->responses.at(0).error_code, ErrorCode::NONE);
  EXPECT_EQ(Describe(1, "t").error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

}  // namespace
}  // namespace soliton::broker

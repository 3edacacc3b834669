// What Fetch answers, when, and how much, asked of a running broker.
#include "tests/broker/broker_cluster.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class FetchRulesTest : public BrokerClusterTest {
 protected:
  void SetUp() override { Start(1); }
};

TEST_F(FetchRulesTest, FetchErrors) {
  const Uuid id = CreateTopic("t", 1, 1, {});
  ASSERT_EQ(Produce(1, id, 0, "a"), ErrorCode::NONE);
  for (int64_t offset : {int64_t{-1}, int64_t{2}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(Fetched(Call(1, FetchFrom(id, 0, offset))).error_code, ErrorCode::OFFSET_OUT_OF_RANGE)
        << offset;
  }
  EXPECT_EQ(Fetched(Call(1, FetchFrom(Uuid{3, 3}, 0, 0))).error_code, ErrorCode::UNKNOWN_TOPIC_ID);
  EXPECT_EQ(Fetched(Call(1, FetchFrom(id, 5, 0))).error_code,
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  kafka::FetchRequest session = FetchFrom(id, 0, 0);
  session.session_id = 17;
  session.session_epoch = 1;
  EXPECT_EQ(Call(1, session)->error_code, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  session.session_id = 0;
  EXPECT_EQ(Call(1, session)->error_code, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  session.session_epoch = 0;
  auto full = Call(1, session);
  EXPECT_EQ(full->error_code, ErrorCode::NONE);
  EXPECT_GT(full->session_id, 0);
  kafka::FetchRequest epoch = FetchFrom(id, 0, 0);
  epoch.topics[0].partitions[0].current_leader_epoch = 3;
  EXPECT_EQ(Fetched(Call(1, epoch)).error_code, ErrorCode::UNKNOWN_LEADER_EPOCH);
  kafka::FetchRequest replica = FetchFrom(id, 0, 0);
  replica.replica_state.replica_id = 99;
  EXPECT_EQ(Fetched(Call(1, replica)).error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  replica.replica_state.replica_id = 1;
  EXPECT_EQ(Fetched(Call(1, replica)).error_code, ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
}

TEST_F(FetchRulesTest, SessionTellsOnlyNews) {
  const Uuid id = CreateTopic("t", 2, 1, {});
  ASSERT_EQ(Produce(1, id, 0, "a"), ErrorCode::NONE);
  RawClient& client = Connect(1);
  int32_t correlation_id = 0;
  const auto ask = [&](const kafka::FetchRequest& request, int16_t version = 18) {
    SendRequest(client, version, ++correlation_id, request);
    auto frame = NextFrame(client);
    EXPECT_TRUE(frame.ok()) << frame.status();
    auto response = kafka::DecodeResponse<kafka::FetchResponse>(*frame, version, correlation_id);
    EXPECT_TRUE(response.ok()) << response.status();
    return *response;
  };
  kafka::FetchRequest request = FetchFrom(id, 0, 0);
  auto& other = request.topics[0].partitions.emplace_back(request.topics[0].partitions[0]);
  other.partition = 1;
  request.session_epoch = 0;
  auto response = ask(request);
  const int32_t session = response.session_id;
  ASSERT_GT(session, 0);
  ASSERT_EQ(response.responses.at(0).partitions.size(), 2u);

  // Only the position moves on; nothing is news.
  request = FetchFrom(id, 0, 1);
  request.session_id = session;
  request.session_epoch = 1;
  response = ask(request);
  EXPECT_EQ(response.error_code, ErrorCode::NONE);
  EXPECT_EQ(response.session_id, session);
  EXPECT_TRUE(response.responses.empty()) << response.ToString();

  // A record of a partition that the request does not name.
  SendRequest(client, 13, ++correlation_id, ProduceTo(id, 1, Batch("b")));
  ASSERT_TRUE(NextFrame(client).ok());
  request.topics.clear();
  request.session_epoch = 2;
  response = ask(request);
  ASSERT_EQ(response.responses.size(), 1u) << response.ToString();
  EXPECT_EQ(response.responses[0].partitions.at(0).partition_index, 1);
  EXPECT_GT(response.responses[0].partitions[0].records.size_bytes(), 0);

  // Refused: the same epoch again, another way to name topics. Neither ends the session.
  EXPECT_EQ(ask(request).error_code, ErrorCode::INVALID_FETCH_SESSION_EPOCH);
  request.session_epoch = 3;
  EXPECT_EQ(ask(request, 12).error_code, ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);

  // Without its partitions a session ends, and so it does at the client's wish.
  auto& forgotten = request.forgotten_topics_data.emplace_back();
  forgotten.topic_id = id;
  forgotten.partitions = {0, 1};
  EXPECT_EQ(ask(request).session_id, 0);
  request.session_epoch = 4;
  EXPECT_EQ(ask(request).error_code, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
  request = FetchFrom(id, 0, 0);
  request.session_epoch = 0;
  request.session_id = ask(request).session_id;
  request.session_epoch = -1;
  EXPECT_EQ(ask(request).session_id, 0);
  request.session_epoch = 1;
  EXPECT_EQ(ask(request).error_code, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
}

TEST_F(FetchRulesTest, FetchGivesAWholeBatchWhateverTheLimits) {
  const Uuid id = CreateTopic("t", 1, 1, {});
  ASSERT_EQ(Produce(1, id, 0, std::string(5000, 'x')), ErrorCode::NONE);
  for (auto [max_bytes, partition_max_bytes] : {std::pair{1, 1 << 20}, {1 << 20, 0}, {0, 1}}) {
    kafka::FetchRequest request = FetchFrom(id, 0, 0);
    request.max_bytes = max_bytes;
    request.topics[0].partitions[0].partition_max_bytes = partition_max_bytes;
    EXPECT_GT(Fetched(Call(1, request)).records.size_bytes(), 5000)
        << max_bytes << " " << partition_max_bytes;
  }
}

// A client may refuse an answer larger than it asked for (librdkafka does), and partitions lie on
// several shards, each of which keeps to the limit by itself.
TEST_F(FetchRulesTest, FetchKeepsToMaxBytesOverAllShards) {
  const Uuid id = CreateTopic("t", 8, 1, {});
  for (int32_t partition = 0; partition < 8; ++partition) {
    ASSERT_EQ(Produce(1, id, partition, std::string(5000, 'x')), ErrorCode::NONE);
  }
  kafka::FetchRequest request = FetchFrom(id, 0, 0);
  request.max_bytes = 12000;
  for (int32_t partition = 1; partition < 8; ++partition) {
    auto& more = request.topics[0].partitions.emplace_back(request.topics[0].partitions[0]);
    more.partition = partition;
  }
  auto response = Call(1, request);
  ASSERT_TRUE(response.ok());
  int64_t bytes = 0;
  for (const auto& partition : response->responses[0].partitions) {
    EXPECT_EQ(partition.error_code, ErrorCode::NONE);
    EXPECT_EQ(partition.high_watermark, 1);
    bytes += partition.records.size_bytes();
  }
  EXPECT_GT(bytes, 5000);
  EXPECT_LE(bytes, 12000);
}

TEST_F(FetchRulesTest, ParkedFetchIsReleasedByNews) {
  const Uuid id = CreateTopic("t", 1, 1, {});
  RawClient& client = Connect(1);
  kafka::FetchRequest request = FetchFrom(id, 0, 0);
  request.max_wait_ms = 20000;
  SendRequest(client, 13, 1, request);
  world_.RunFor(seconds(1));
  EXPECT_TRUE(client.frames.empty());
  const MonotonicTime produced = world_.Now();
  SendRequest(Connect(1), 13, 2, ProduceTo(id, 0, Batch()));
  auto frame = NextFrame(client);
  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_LT(world_.Now() - produced, seconds(1));
  auto response = kafka::DecodeResponse<kafka::FetchResponse>(*frame, 13, 1);
  EXPECT_GT(Fetched(response).records.size_bytes(), 0);
}

TEST_F(FetchRulesTest, ParkedFetchAnswersAtItsDeadlineAndAtOnceOnErrors) {
  const Uuid id = CreateTopic("t", 1, 1, {});
  kafka::FetchRequest request = FetchFrom(id, 0, 0);
  request.max_wait_ms = 700;
  MonotonicTime asked = world_.Now();
  EXPECT_EQ(Fetched(Call(1, request)).error_code, ErrorCode::NONE);
  EXPECT_GE(world_.Now() - asked, milliseconds(700));
  // A deleted topic wakes who waits for it.
  RawClient& client = Connect(1);
  request.max_wait_ms = 20000;
  SendRequest(client, 13, 1, request);
  world_.RunFor(milliseconds(200));
  kafka::DeleteTopicsRequest deletion;
  deletion.topics.emplace_back().name = "t";
  deletion.timeout_ms = 5000;
  asked = world_.Now();
  SendRequest(Connect(1), 6, 2, deletion);
  auto frame = NextFrame(client);
  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_LT(world_.Now() - asked, seconds(2));
  EXPECT_NE(Fetched(kafka::DecodeResponse<kafka::FetchResponse>(*frame, 13, 1)).error_code,
            ErrorCode::NONE);
}

// One that hangs up while its fetch is parked for weeks leaves nothing behind.
TEST_F(FetchRulesTest, ParkedFetchGoesWithItsConnection) {
  const Uuid id = CreateTopic("t", 1, 1, {});
  for (int i = 0; i < 3; ++i) {
    kafka::FetchRequest request = FetchFrom(id, 0, 0);
    request.max_wait_ms = std::numeric_limits<int32_t>::max();
    request.min_bytes = std::numeric_limits<int32_t>::max();
    SendRequest(Connect(1), 13, 1, request);
    world_.RunFor(milliseconds(100));
    CloseClients();
    world_.RunFor(milliseconds(100));
  }
  ASSERT_EQ(Produce(1, id, 0, "after"), ErrorCode::NONE);
  // More than the answer may hold is not waited for.
  kafka::FetchRequest greedy = FetchFrom(id, 0, 0);
  greedy.max_wait_ms = 20000;
  greedy.min_bytes = std::numeric_limits<int32_t>::max();
  greedy.max_bytes = 10;
  const MonotonicTime asked = world_.Now();
  EXPECT_GT(Fetched(Call(1, greedy)).records.size_bytes(), 0);
  EXPECT_LT(world_.Now() - asked, seconds(1));
}

class RackTest : public BrokerClusterTest {
 protected:
  void SetUp() override {
    adjust_ = [](BrokerOptions& options) {
      options.rack_aware_reads = true;
      options.rack = fmt::format("rack-{}", options.node_id);
    };
    Start(3);
  }
  static kafka::FetchRequest FromRack(const Uuid& id, int64_t offset, int broker) {
    kafka::FetchRequest request = FetchFrom(id, 0, offset);
    request.rack_id = fmt::format("rack-{}", broker);
    return request;
  }
  int32_t Preferred(int to, const kafka::FetchRequest& request) {
    return Fetched(Call(to, request)).preferred_read_replica;
  }
};

TEST_F(RackTest, ConsumersAreSentToTheirRackAndReadUpToItsHighWatermark) {
  const Uuid id = CreateTopic("t");
  const int leader = LeaderOf("t");
  const int near = leader % 3 + 1;
  ASSERT_EQ(Produce(leader, id, 0, "first"), ErrorCode::NONE);
  world_.RunFor(seconds(1));
  const MonotonicTime asked = world_.Now();
  kafka::FetchRequest waiting = FromRack(id, 0, near);
  waiting.max_wait_ms = 20000;
  waiting.min_bytes = 1 << 20;
  auto sent_away = Fetched(Call(leader, waiting));
  EXPECT_EQ(sent_away.preferred_read_replica, near);
  EXPECT_EQ(sent_away.records.size_bytes(), 0u);
  EXPECT_LT(world_.Now() - asked, seconds(1));
  EXPECT_EQ(Preferred(leader, FromRack(id, 0, leader)), -1);
  EXPECT_EQ(Preferred(leader, FromRack(id, 0, 77)), -1);
  EXPECT_EQ(Preferred(leader, FetchFrom(id, 0, 0)), -1);
  auto served = Fetched(Call(near, FromRack(id, 0, near)));
  EXPECT_EQ(served.error_code, ErrorCode::NONE);
  EXPECT_EQ(served.high_watermark, 1);
  EXPECT_GT(served.records.size_bytes(), 0u);
  EXPECT_EQ(Fetched(Call(near, FetchFrom(id, 0, 9))).error_code, ErrorCode::OFFSET_NOT_AVAILABLE);
  EXPECT_EQ(Fetched(Call(near, FetchFrom(id, 0, -1))).error_code, ErrorCode::OFFSET_OUT_OF_RANGE);

  // Who waits at a follower hears of a record when it is committed, not a long poll later.
  RawClient& reader = Connect(near);
  kafka::FetchRequest poll = FetchFrom(id, 0, 1);
  poll.max_wait_ms = 20000;
  SendRequest(reader, 18, 1, poll);
  world_.RunFor(seconds(2));
  ASSERT_TRUE(reader.frames.empty());
  const MonotonicTime produced = world_.Now();
  SendRequest(Connect(leader), 13, 2, ProduceTo(id, 0, Batch()));
  auto frame = NextFrame(reader);
  ASSERT_TRUE(frame.ok()) << frame.status();
  EXPECT_LT(world_.Now() - produced, milliseconds(300));
  auto news = Fetched(kafka::DecodeResponse<kafka::FetchResponse>(*frame, 18, 1));
  EXPECT_GT(news.records.size_bytes(), 0u);

  // A replica that is gone is not recommended.
  StopCleanly(near);
  world_.RunFor(seconds(2));
  EXPECT_EQ(Preferred(leader, FromRack(id, 0, near)), -1);
}

}  // namespace
}  // namespace soliton::broker

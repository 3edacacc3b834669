// What a peer can cost: memory, connections, log lines. Asked of a running broker in virtual time.
#include "runtime/obs/logging.h"
#include "tests/broker/broker_cluster.h"
#include "tests/sim/sim_connection.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;

class MemoryRulesTest : public BrokerClusterTest {
 protected:
  MemoryRulesTest() {
    SetLogSink([this](LogLevel level, std::string_view message) {
      if (level >= LogLevel::kWarn) lines_.emplace_back(message);
    });
  }
  ~MemoryRulesTest() override { SetLogSink(nullptr); }

  int LinesWith(std::string_view text) const {
    return static_cast<int>(std::count_if(lines_.begin(), lines_.end(), [&](const auto& line) {
      return line.find(text) != std::string::npos;
    }));
  }
  static kafka::MetadataRequest AnyMetadata() {
    kafka::MetadataRequest request;
    request.topics.emplace();
    return request;
  }
  // The newest clients, one of each shard, get an answer, and soon; the others keep their
  // connections.
  void ExpectServed(int by = 1) {
    for (int i = 0; i < 2; ++i) {
      RawClient& client = Connect(by);
      SendRequest(client, 12, 1, AnyMetadata());
      EXPECT_TRUE(NextFrame(client, seconds(1)).ok());
    }
  }
  void SendPart(RawClient& client, int64_t bytes) {
    bool sent = false;
    client_.Post([&] {
      static_cast<sim::SimConnection&>(*client.connection).SendPartOfFrame(bytes);
      sent = true;
    });
    ASSERT_TRUE(world_.RunUntil([&] { return sent; }, seconds(1)));
  }
  std::vector<std::string> lines_;
};

TEST_F(MemoryRulesTest, IdleConnectionsAreClosedBusyOnesAreNot) {
  adjust_ = [](BrokerOptions& options) { options.connection_timeouts.idle = seconds(20); };
  Start(1);
  const Uuid topic = CreateTopic("t", 1, 1, {});
  RawClient& idle = Connect(1);
  RawClient& waits = Connect(1);
  RawClient& asks = Connect(1);
  kafka::FetchRequest long_poll = FetchFrom(topic, 0, 0);
  long_poll.max_wait_ms = 60'000;
  SendRequest(waits, 13, 1, long_poll);
  for (int i = 0; i < 5; ++i) {
    world_.RunFor(seconds(10));
    EXPECT_EQ(idle.closed, i >= 2) << i;
    EXPECT_FALSE(waits.closed) << "a request is being worked on";
    EXPECT_FALSE(asks.closed);
    SendRequest(asks, 12, i, AnyMetadata());
  }
  EXPECT_TRUE(NextFrame(waits).ok());
  EXPECT_EQ(LinesWith("closing connection"), 0) << "nothing is wrong with an idle client";
}

TEST_F(MemoryRulesTest, ARequestThatNeverEndsIsNotWaitedFor) {
  Start(1);
  RawClient& client = Connect(1);
  SendPart(client, 100);
  for (int i = 0; i < 20; ++i) {
    world_.RunFor(seconds(1));
    SendPart(client, 1);
  }
  EXPECT_FALSE(client.closed);
  world_.RunFor(seconds(15));
  EXPECT_TRUE(client.closed);
  EXPECT_EQ(LinesWith("comes in too slowly"), 1);
  ExpectServed();
}

TEST_F(MemoryRulesTest, WhoTakesNoAnswersIsClosedAndTheOthersAreServed) {
  adjust_ = [](BrokerOptions& options) { options.max_unsent_bytes_per_connection = 1 << 20; };
  Start(1);
  const Uuid topic = CreateTopic("t", 1, 1, {});
  ASSERT_EQ(Produce(1, topic, 0, std::string(900'000, 'x')), ErrorCode::NONE);
  RawClient& client = Connect(1);
  bool paused = false;
  client_.Post([&] {
    client.connection->PauseReading();
    paused = true;
  });
  ASSERT_TRUE(world_.RunUntil([&] { return paused; }, seconds(1)));
  for (int i = 0; i < 50; ++i) SendRequest(client, 13, i, FetchFrom(topic, 0, 0));
  world_.RunFor(seconds(30));
  ExpectServed();
  EXPECT_EQ(LinesWith("has taken nothing"), 0);
  world_.RunFor(seconds(40));
  EXPECT_EQ(LinesWith("has taken nothing"), 1);
  ExpectServed();
}

// Large requests of other clients fill what they may; small ones and replicas have room of their
// own, and the waiting ones are served in turn.
TEST_F(MemoryRulesTest, LargeRequestsWaitForMemoryAndNobodyElseDoes) {
  adjust_ = [](BrokerOptions& options) { options.memory_budget_bytes = 4 << 20; };
  Start(3);
  const Uuid topic = CreateTopic("t", 1, 3, {{"min.insync.replicas", "2"}});
  const int leader = LeaderOf("t");
  node(leader).StallDisk(seconds(5));
  const std::string value(700'000, 'x');
  std::vector<RawClient*> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(&Connect(leader));
    SendRequest(*clients.back(), 13, i, ProduceTo(topic, 0, Batch(value)));
  }
  world_.RunFor(seconds(2));
  EXPECT_LT(Replica(leader, "t")->log_end_offset, 5) << "8 MB in a budget of 4 MiB";
  ExpectServed(leader);
  for (int i = 0; i < 12; ++i) {
    auto frame = NextFrame(*clients[static_cast<size_t>(i)]);
    ASSERT_TRUE(frame.ok()) << i << ": " << frame.status();
    EXPECT_EQ(Result(kafka::DecodeResponse<kafka::ProduceResponse>(*frame, 13, i)).error_code,
              ErrorCode::NONE);
  }
  EXPECT_EQ(Replica(leader, "t")->high_watermark, 12);
}

// A request of a hundred bytes takes more than those while it waits for its answer.
TEST_F(MemoryRulesTest, SmallRequestsCountForWhatServesThem) {
  adjust_ = [](BrokerOptions& options) { options.memory_budget_bytes = 1 << 20; };
  Start(1);
  const Uuid topic = CreateTopic("t", 1, 1, {});
  node(1).StallDisk(seconds(5));
  constexpr int kClients = 8;
  constexpr int kEach = 200;
  std::vector<RawClient*> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(&Connect(1));
    for (int k = 0; k < kEach; ++k) {
      SendRequest(*clients.back(), 13, k, ProduceTo(topic, 0, Batch("x")));
    }
  }
  world_.RunFor(seconds(2));
  EXPECT_GT(Replica(1, "t")->log_end_offset, 100);
  EXPECT_LT(Replica(1, "t")->log_end_offset, 1024) << "more than a KiB each in a budget of a MiB";
  for (RawClient* client : clients) {
    for (int k = 0; k < kEach; ++k) {
      auto frame = NextFrame(*client);
      ASSERT_TRUE(frame.ok()) << k << ": " << frame.status();
      EXPECT_EQ(Result(kafka::DecodeResponse<kafka::ProduceResponse>(*frame, 13, k)).error_code,
                ErrorCode::NONE);
    }
  }
}

// Half requests hold what memory there is, for a while; then those that waited behind them have
// gone, and a good request goes through.
TEST_F(MemoryRulesTest, RequestsWithoutMemoryAreGivenUp) {
  adjust_ = [](BrokerOptions& options) {
    options.memory_budget_bytes = 4 << 20;
    options.connection_timeouts.frame_grace = seconds(5);
  };
  Start(1);
  const Uuid topic = CreateTopic("t", 1, 1, {});
  node(1).StallDisk(seconds(20));
  std::vector<RawClient*> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(&Connect(1));
    SendRequest(*clients.back(), 13, i, ProduceTo(topic, 0, Batch(std::string(900'000, 'x'))));
  }
  world_.RunFor(seconds(10));
  EXPECT_GE(std::count_if(clients.begin(), clients.end(), [](auto* c) { return c->closed; }), 4);
  EXPECT_GE(LinesWith("no memory became free"), 1);
  ExpectServed();
  world_.RunFor(seconds(15));
  EXPECT_EQ(Produce(1, topic, 0, std::string(1'000'000, 'y')), ErrorCode::NONE);
}

// Those that wait for memory and hang up leave nothing behind.
TEST_F(MemoryRulesTest, WaitingConnectionsThatGoLeaveNothingBehind) {
  adjust_ = [](BrokerOptions& options) { options.memory_budget_bytes = 4 << 20; };
  Start(1);
  const Uuid topic = CreateTopic("t", 1, 1, {});
  for (int round = 0; round < 3; ++round) {
    node(1).StallDisk(seconds(3));
    for (int i = 0; i < 10; ++i) {
      SendRequest(Connect(1), 13, i, ProduceTo(topic, 0, Batch(std::string(900'000, 'x'))));
    }
    world_.RunFor(seconds(1));
    CloseClients();
    world_.RunFor(seconds(4));
  }
  EXPECT_EQ(Produce(1, topic, 0, std::string(1'000'000, 'y')), ErrorCode::NONE);
}

// A request larger than what can ever be free is refused, not waited for.
TEST_F(MemoryRulesTest, TheBudgetBoundsTheLargestRequest) {
  adjust_ = [](BrokerOptions& options) { options.memory_budget_bytes = 1 << 20; };
  Start(1);
  EXPECT_EQ(LinesWith("queued.max.request.bytes = 1048576"), 1);
  RawClient& client = Connect(1);
  SendFrame(client, BufferChain(Buffer::Allocate(600'000)));
  EXPECT_TRUE(absl::IsUnavailable(NextFrame(client, seconds(5)).status()));
  ExpectServed();
}

TEST_F(MemoryRulesTest, LinesAboutBadPeersAreBoundedAndSayWhatTheyAre) {
  Start(1);
  lines_.clear();
  for (int i = 0; i < 100; ++i) {
    RawClient& client = Connect(1);
    SendFrame(client, BufferChain(Buffer::CopyOf(std::string_view("GET / HTTP/1.1\r\n\r\n"))));
    EXPECT_TRUE(absl::IsUnavailable(NextFrame(client, seconds(5)).status()));
  }
  EXPECT_GE(LinesWith("closing connection of client"), 1);
  EXPECT_LE(LinesWith("closing connection of client"), 60);
  EXPECT_GE(LinesWith("HTTP"), 1);
  ExpectServed();
}

}  // namespace
}  // namespace soliton::broker

#include "tests/sim/sim_network.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sim/sim_node.h"

namespace soliton::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// One end of a connection under test: notes what it hears, may echo.
struct Peer : ConnectionHandler {
  std::shared_ptr<FramedConnection> connection;
  std::vector<std::string> frames;
  absl::Status closed;
  int close_count = 0;
  int drained = 0;
  bool echo = false;
  // Takes the connection away within the first frame.
  std::function<void(std::shared_ptr<FramedConnection>)> move_first;

  void OnFrame(Buffer frame) override {
    frames.emplace_back(frame.view());
    if (move_first) return std::exchange(move_first, nullptr)(connection);
    if (echo) connection->Send(BufferChain(frame));
  }
  void OnClosed(const absl::Status& why) override {
    closed = why;
    ++close_count;
  }
  void OnDrained() override { ++drained; }
  void Send(std::string_view text) { connection->Send(BufferChain(Buffer::CopyOf(text))); }
};

class SimNetworkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    client_node_.Restart();
    server_node_.Restart();
  }

  void Listen() {
    auto listener = server_node_.ports().transport->Listen(
        {"0.0.0.0", 9092}, server_options_, *server_node_.ports().shards,
        [this](Shard& shard, std::shared_ptr<FramedConnection> connection) {
          EXPECT_TRUE(shard.IsCurrent());
          server_.connection = std::move(connection);
          server_.connection->Start(&server_);
        });
    ASSERT_TRUE(listener.ok());
    listener_ = std::move(*listener);
  }

  // Asks for a connection; connected_ holds the answer once it is there.
  void Connect(Endpoint to = {"node-2", 9092}, Duration timeout = seconds(2)) {
    connected_.reset();
    client_node_.Post([this, to, timeout] {
      Shard& shard = client_node_.ports().shards->shard(0);
      client_node_.ports().transport->Connect(
          shard, to, {}, timeout, [this](absl::StatusOr<std::shared_ptr<FramedConnection>> result) {
            connected_ = result.status();
            answered_at_ = world_.Now();
            if (!result.ok()) return;
            client_.connection = std::move(*result);
            client_.connection->Start(&client_);
          });
    });
  }
  absl::Status ConnectAndWait(Endpoint to = {"node-2", 9092}, Duration timeout = seconds(2)) {
    Connect(to, timeout);
    EXPECT_TRUE(world_.RunUntil([this] { return connected_.has_value(); }, seconds(60)));
    return *connected_;
  }
  void OnClient(std::function<void()> what) { client_node_.Post(std::move(what)); }
  void OnServer(std::function<void()> what) { server_node_.Post(std::move(what)); }

  SimWorld world_{11};
  SimNetwork network_{world_, {}};
  ConnectionOptions server_options_;
  Peer client_;
  Peer server_;
  std::unique_ptr<Listener> listener_;
  std::optional<absl::Status> connected_;
  MonotonicTime answered_at_;
  SimNode client_node_{world_, network_, "node-1"};
  SimNode server_node_{world_, network_, "node-2", {.shards = 2}};
};

TEST_F(SimNetworkTest, FramesArriveWholeAndInOrderBothWays) {
  Listen();
  server_.echo = true;
  ASSERT_TRUE(ConnectAndWait().ok());
  std::vector<std::string> sent;
  for (int i = 0; i < 100; ++i) sent.push_back(fmt::format("frame {}", i));
  OnClient([&] {
    for (const std::string& text : sent) client_.Send(text);
    EXPECT_GT(client_.connection->unsent_bytes(), 0);
    EXPECT_THAT(server_.frames, IsEmpty()) << "nothing arrives within the call";
  });
  world_.RunFor(seconds(1));
  EXPECT_EQ(server_.frames, sent);
  EXPECT_EQ(client_.frames, sent);
  EXPECT_EQ(client_.connection->unsent_bytes(), 0);
  EXPECT_GE(client_.drained, 1);
}

TEST_F(SimNetworkTest, ABufferIsCopiedOnItsWay) {
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  Buffer mine = Buffer::CopyOf("before");
  OnClient([&] {
    client_.connection->Send(BufferChain(mine));
    mine.mutable_data()[0] = 'X';
  });
  world_.RunFor(seconds(1));
  EXPECT_THAT(server_.frames, ElementsAre("before"));
}

TEST_F(SimNetworkTest, FileRegionsAreSentAsTheyWere) {
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  auto file = *client_node_.files().Open("f", OpenMode::kReadWriteOrCreate);
  const Buffer text = Buffer::CopyOf("0123456789");
  ASSERT_TRUE(file->Append({&text, 1}).ok());
  OnClient([&] {
    BufferChain chain(Buffer::CopyOf("<"));
    chain.Append(FileRegion{file, 2, 5});
    chain.Append(Buffer::CopyOf(">"));
    client_.connection->Send(std::move(chain));
  });
  world_.RunFor(seconds(1));
  EXPECT_THAT(server_.frames, ElementsAre("<23456>"));
}

TEST_F(SimNetworkTest, ConnectFailuresAreToldApart) {
  const MonotonicTime start = world_.Now();
  EXPECT_EQ(ConnectAndWait().code(), absl::StatusCode::kUnavailable) << "nobody listens";
  EXPECT_GT(answered_at_, start);
  EXPECT_LT(answered_at_, start + milliseconds(500));
  EXPECT_EQ(ConnectAndWait({"nowhere", 1}).code(), absl::StatusCode::kNotFound);
  Listen();
  network_.Cut(client_node_.id(), server_node_.id());
  const MonotonicTime cut_at = world_.Now();
  EXPECT_EQ(ConnectAndWait().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_GE(answered_at_, cut_at + seconds(2));
  network_.HealAll();
  EXPECT_TRUE(ConnectAndWait().ok());
  listener_.reset();
  EXPECT_EQ(ConnectAndWait().code(), absl::StatusCode::kUnavailable);
}

TEST_F(SimNetworkTest, AOneWayCutAlsoStopsConnecting) {
  Listen();
  network_.CutOneWay(server_node_.id(), client_node_.id());
  EXPECT_EQ(ConnectAndWait().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(SimNetworkTest, ACutHoldsFramesBackUntilItHeals) {
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  network_.Cut(client_node_.id(), server_node_.id());
  OnClient([&] { client_.Send("1"), client_.Send("2"); });
  world_.RunFor(seconds(30));
  EXPECT_THAT(server_.frames, IsEmpty());
  EXPECT_EQ(server_.close_count, 0) << "silence, not an error";
  EXPECT_EQ(client_.connection->unsent_bytes(), 10);
  network_.Heal(client_node_.id(), server_node_.id());
  world_.RunFor(seconds(1));
  EXPECT_THAT(server_.frames, ElementsAre("1", "2"));
}

TEST_F(SimNetworkTest, AOneWayCutStopsOneDirectionOnly) {
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  network_.CutOneWay(client_node_.id(), server_node_.id());
  OnClient([&] { client_.Send("lost"); });
  OnServer([&] { server_.Send("heard"); });
  world_.RunFor(seconds(5));
  EXPECT_THAT(server_.frames, IsEmpty());
  EXPECT_THAT(client_.frames, ElementsAre("heard"));
}

TEST_F(SimNetworkTest, CloseIsHeardOnceByBothEnds) {
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  OnClient([&] {
    client_.connection->Close();
    client_.connection->Close();
    client_.Send("dropped");
    EXPECT_EQ(client_.close_count, 0) << "never inside the call";
  });
  world_.RunFor(seconds(1));
  EXPECT_EQ(client_.close_count, 1);
  EXPECT_EQ(client_.closed.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(server_.close_count, 1);
  EXPECT_EQ(server_.closed.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(server_.frames, IsEmpty());
}

TEST_F(SimNetworkTest, DestroyingAConnectionClosesItSilently) {
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  OnServer([&] { server_.Send("never read"); });
  OnClient([&] { client_.connection.reset(); });
  world_.RunFor(seconds(1));
  EXPECT_EQ(client_.close_count, 0);
  EXPECT_EQ(server_.close_count, 1);
}

TEST_F(SimNetworkTest, AnOwnerThatLetsGoInACallbackHearsNothingMore) {
  struct Quitter : ConnectionHandler {
    std::shared_ptr<FramedConnection> connection;
    int frames = 0;
    void OnFrame(Buffer) override {
      ++frames;
      connection.reset();
    }
    void OnClosed(const absl::Status&) override { ADD_FAILURE() << "after it let go"; }
  } quitter;
  auto listener = server_node_.ports().transport->Listen(
      {"0.0.0.0", 9092}, {}, *server_node_.ports().shards,
      [&](Shard&, std::shared_ptr<FramedConnection> connection) {
        quitter.connection = std::move(connection);
        quitter.connection->Start(&quitter);
      });
  ASSERT_TRUE(ConnectAndWait().ok());
  OnClient([&] {
    for (int i = 0; i < 50; ++i) client_.Send("x");
  });
  world_.RunFor(seconds(1));
  EXPECT_EQ(quitter.frames, 1);
  EXPECT_EQ(client_.close_count, 1);
}

TEST_F(SimNetworkTest, AConnectionMovesToAnotherShardWithWhatHasArrived) {
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  std::vector<std::string> sent;
  for (int i = 0; i < 100; ++i) sent.push_back(fmt::format("frame {}", i));
  Shard& elsewhere = server_node_.ports().shards->shard(1);
  Peer after;
  after.echo = true;
  server_.move_first = [&](std::shared_ptr<FramedConnection> connection) {
    ASSERT_TRUE(connection->CanMove());
    connection->MoveTo(elsewhere, [&](std::shared_ptr<FramedConnection> moved) {
      EXPECT_TRUE(elsewhere.IsCurrent());
      after.connection = std::move(moved);
      after.connection->Start(&after);
    });
    EXPECT_FALSE(connection->CanMove());
  };
  OnClient([&] {
    for (const std::string& text : sent) client_.Send(text);
  });
  world_.RunFor(seconds(1));
  EXPECT_THAT(server_.frames, ElementsAre("frame 0"));
  EXPECT_EQ(after.frames, std::vector<std::string>(sent.begin() + 1, sent.end()));
  EXPECT_EQ(client_.frames, after.frames);
  OnClient([&] { client_.connection->Close(); });
  world_.RunFor(seconds(1));
  EXPECT_EQ(after.close_count, 1);
  EXPECT_EQ(server_.close_count, 0);
  OnServer([&] { server_.connection.reset(); });
  elsewhere.Post([&] { after.connection.reset(); });
  world_.RunFor(seconds(1));
}

TEST_F(SimNetworkTest, APausedReaderMakesTheSenderWait) {
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  OnServer([&] { server_.connection->PauseReading(); });
  world_.RunFor(milliseconds(1));
  const std::string kilobyte(1024, 'k');
  OnClient([&] {
    for (int i = 0; i < 1000; ++i) client_.Send(kilobyte);
  });
  world_.RunFor(seconds(5));
  EXPECT_THAT(server_.frames, IsEmpty());
  OnClient([&] {
    EXPECT_GT(client_.connection->unsent_bytes(), 700 * 1024) << "at most a window is in flight";
    EXPECT_LT(client_.connection->unsent_bytes(), 800 * 1024);
  });
  world_.RunFor(seconds(1));
  OnServer([&] { server_.connection->ResumeReading(); });
  world_.RunFor(seconds(5));
  EXPECT_EQ(server_.frames.size(), 1000u);
  EXPECT_EQ(client_.connection->unsent_bytes(), 0);
}

TEST_F(SimNetworkTest, AnOversizedFrameClosesTheConnection) {
  server_options_.max_frame_bytes = 10;
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  OnClient([&] { client_.Send("0123456789"), client_.Send("0123456789x"); });
  world_.RunFor(seconds(1));
  EXPECT_THAT(server_.frames, ElementsAre("0123456789"));
  EXPECT_EQ(server_.closed.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client_.closed.code(), absl::StatusCode::kUnavailable);
}

TEST_F(SimNetworkTest, AResetIsHeardByBothEnds) {
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  network_.ResetConnections(client_node_.id(), server_node_.id());
  world_.RunFor(seconds(1));
  EXPECT_EQ(client_.closed.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server_.closed.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(ConnectAndWait().ok());
}

TEST_F(SimNetworkTest, ACrashBreaksConnectionsAndRefusesNewOnes) {
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  server_node_.Crash();
  EXPECT_EQ(client_.close_count, 0);
  world_.RunFor(seconds(1));
  EXPECT_EQ(client_.closed.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server_.close_count, 0) << "the dead hear nothing";
  EXPECT_EQ(ConnectAndWait().code(), absl::StatusCode::kUnavailable);
  server_node_.Restart();
  EXPECT_EQ(ConnectAndWait().code(), absl::StatusCode::kUnavailable);
  Listen();
  EXPECT_TRUE(ConnectAndWait().ok());
}

TEST_F(SimNetworkTest, ASilentCrashIsNoticedOnlyWhenTheHostIsBack) {
  Listen();
  ASSERT_TRUE(ConnectAndWait().ok());
  server_node_.Crash({.silent = true});
  OnClient([&] { client_.Send("anybody?"); });
  world_.RunFor(seconds(10));
  EXPECT_EQ(client_.close_count, 0);
  EXPECT_EQ(ConnectAndWait().code(), absl::StatusCode::kDeadlineExceeded);
  server_node_.Restart();
  world_.RunFor(seconds(1));
  EXPECT_EQ(client_.closed.code(), absl::StatusCode::kUnavailable);
}

TEST_F(SimNetworkTest, TheSamePortTwiceIsAnError) {
  Listen();
  auto again = server_node_.ports().transport->Listen({"0.0.0.0", 9092}, {},
                                                      *server_node_.ports().shards, nullptr);
  EXPECT_FALSE(again.ok());
  auto any = server_node_.ports().transport->Listen({"0.0.0.0", 0}, {},
                                                    *server_node_.ports().shards, nullptr);
  ASSERT_TRUE(any.ok());
  EXPECT_NE((*any)->port(), 0);
}

}  // namespace
}  // namespace soliton::sim

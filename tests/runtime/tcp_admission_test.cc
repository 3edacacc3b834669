// What a listener and a connection do not take in: frames that their owner has no room for, and
// connections beyond the limits.
#include <gtest/gtest.h>

#include "runtime/native_ports.h"
#include "runtime/net/transport.h"
#include "tests/runtime/await.h"

namespace soliton {
namespace {

struct Peer final : ConnectionHandler {
  std::shared_ptr<FramedConnection> connection;
  std::function<bool(int64_t, std::span<const uint8_t>)> admit = [](auto, auto) { return true; };
  std::function<void(Buffer)> on_frame = [](Buffer) {};
  std::promise<absl::Status> closed;

  bool AdmitFrame(int64_t bytes, std::span<const uint8_t> head) override {
    return admit(bytes, head);
  }
  void OnFrame(Buffer frame) override { on_frame(std::move(frame)); }
  void OnClosed(const absl::Status& why) override { closed.set_value(why); }
  void Start(std::shared_ptr<FramedConnection> started) {
    connection = std::move(started);
    connection->Start(this);
  }
};

class TcpAdmissionTest : public testing::Test {
 protected:
  ~TcpAdmissionTest() override {
    native_.Stop();
    native_.Join();
    // Connections go before their shards.
    listener_.reset();
    servers_.clear();
    clients_.clear();
  }
  void Listen(const ConnectionOptions& options) {
    native_.Start();
    auto listener = native_.ports().transport->Listen(
        {"127.0.0.1", 0}, options, *native_.ports().shards,
        [this](Shard&, std::shared_ptr<FramedConnection> accepted) {
          servers_.push_back(std::make_unique<Peer>());
          servers_.back()->admit = admit_;
          servers_.back()->on_frame = on_frame_;
          servers_.back()->Start(std::move(accepted));
        });
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = std::move(*listener);
  }
  Peer& Connect() {
    clients_.push_back(std::make_unique<Peer>());
    Peer& client = *clients_.back();
    std::promise<void> connected;
    shard().Post([&] {
      native_.ports().transport->Connect(shard(), {"127.0.0.1", listener_->port()}, {}, seconds(10),
                                         [&](auto connection) {
                                           CHECK(connection.ok(), "not connected");
                                           client.Start(*std::move(connection));
                                           connected.set_value();
                                         });
    });
    Await(connected.get_future());
    return client;
  }
  void Send(Peer& client, size_t size, char what = 'x') {
    RunOn(shard(), [&] {
      Buffer frame = Buffer::Allocate(size);
      std::fill_n(frame.mutable_data(), size, static_cast<uint8_t>(what));
      client.connection->Send(BufferChain(std::move(frame)));
    });
  }
  Shard& shard() { return native_.ports().shards->shard(0); }

  std::function<bool(int64_t, std::span<const uint8_t>)> admit_ = [](auto, auto) { return true; };
  std::function<void(Buffer)> on_frame_ = [](Buffer) {};
  std::vector<std::unique_ptr<Peer>> servers_, clients_;
  NativePorts native_{NativeOptions{.shard_count = 1}};
  std::unique_ptr<Listener> listener_;
};

TEST_F(TcpAdmissionTest, AFrameWaitsUntilThereIsRoom) {
  std::promise<void> refused;
  std::vector<int64_t> asked;
  bool room = false;
  admit_ = [&](int64_t bytes, std::span<const uint8_t> head) {
    asked.push_back(bytes);
    EXPECT_EQ(head.size(), std::min<size_t>(static_cast<size_t>(bytes), 48));
    if (bytes > 1000 && !room) {
      refused.set_value();
      return false;
    }
    return true;
  };
  std::vector<size_t> got;
  std::promise<void> all;
  on_frame_ = [&](Buffer frame) {
    got.push_back(frame.size());
    if (got.size() == 3) all.set_value();
  };
  Listen({});
  Peer& client = Connect();
  for (size_t size : {10u, 3'000'000u, 20u}) Send(client, size);
  Await(refused.get_future());
  RunOn(shard(), [&] {
    EXPECT_EQ(got, std::vector<size_t>{10});
    EXPECT_EQ(asked, (std::vector<int64_t>{10, 3'000'000}));
    room = true;
    servers_[0]->connection->ResumeReading();
  });
  Await(all.get_future());
  RunOn(shard(), [&] {
    EXPECT_EQ(got, (std::vector<size_t>{10, 3'000'000, 20}));
    EXPECT_EQ(asked, (std::vector<int64_t>{10, 3'000'000, 3'000'000, 20}))
        << "each asked for once more";
    EXPECT_EQ(servers_[0]->connection->partial_frame_bytes(), 0);
  });
}

TEST_F(TcpAdmissionTest, ConnectionsBeyondTheLimitAreClosedAndThoseThatGoMakeRoom) {
  for (const ConnectionOptions& limits : {ConnectionOptions{.max_connections = 2},
                                          ConnectionOptions{.max_connections_per_address = 2}}) {
    std::promise<void> heard, heard_again;
    int frames = 0;
    on_frame_ = [&](Buffer) {
      ++frames;
      if (frames == 2) heard.set_value();
      if (frames == 3) heard_again.set_value();
    };
    if (listener_ == nullptr) {
      Listen(limits);
    } else {
      auto again = native_.ports().transport->Listen(
          {"127.0.0.1", 0}, limits, *native_.ports().shards,
          [this](Shard&, std::shared_ptr<FramedConnection> accepted) {
            servers_.push_back(std::make_unique<Peer>());
            servers_.back()->on_frame = on_frame_;
            servers_.back()->Start(std::move(accepted));
          });
      ASSERT_TRUE(again.ok());
      listener_ = std::move(*again);
    }
    Peer& first = Connect();
    Send(first, 1);
    Send(Connect(), 1);
    Await(heard.get_future());
    EXPECT_TRUE(absl::IsUnavailable(Await(Connect().closed.get_future())));
    Peer& served = *servers_[servers_.size() - 2];
    RunOn(shard(), [&] { first.connection.reset(); });
    EXPECT_TRUE(absl::IsUnavailable(Await(served.closed.get_future())));
    RunOn(shard(), [] {});  // its ticket comes home
    Send(Connect(), 1);
    Await(heard_again.get_future());
    RunOn(shard(), [] {});  // whoever set it is done with it
  }
}

// Clients that fill every connection do not keep those out that are waited for, by silence neither.
TEST_F(TcpAdmissionTest, ReservedConnectionsGoToThoseThatShowWhoTheyAre) {
  std::promise<void>* heard = nullptr;
  on_frame_ = [&](Buffer frame) {
    EXPECT_EQ(frame.size(), 100u) << "what was looked at is still there to be read";
    heard->set_value();
  };
  Listen({.max_connections = 1, .reserved_connections = 2, .may_use_reserve = [](auto head) {
            return head[0] == 'b';
          }});
  const auto send_and_be_heard = [&](Peer& peer, char what) {
    std::promise<void> promise;
    heard = &promise;
    Send(peer, 100, what);
    Await(promise.get_future());
    RunOn(shard(), [] {});  // whoever set it is done with it
  };
  const auto is_turned_away = [](Peer& peer) {
    return absl::IsUnavailable(Await(peer.closed.get_future()));
  };
  send_and_be_heard(Connect(), 'x');
  Peer& stranger = Connect();
  Send(stranger, 100, 'x');
  EXPECT_TRUE(is_turned_away(stranger));
  Peer& oldest_silent = Connect();
  Peer& silent = Connect();
  Peer& broker = Connect();
  EXPECT_TRUE(is_turned_away(oldest_silent));
  send_and_be_heard(broker, 'b');
  send_and_be_heard(silent, 'b');
  Peer& served = *servers_.back();
  Peer& one_too_many = Connect();
  Send(one_too_many, 100, 'b');
  EXPECT_TRUE(is_turned_away(one_too_many));
  RunOn(shard(), [&] { silent.connection.reset(); });
  EXPECT_TRUE(is_turned_away(served));
  RunOn(shard(), [] {});  // its ticket comes home
  send_and_be_heard(Connect(), 'b');
}

}  // namespace
}  // namespace soliton

// A connection changes its shard (FramedConnection::MoveTo) while frames are on their way.
#include <gtest/gtest.h>

#include "runtime/native_ports.h"
#include "runtime/net/transport.h"
#include "tests/runtime/await.h"

namespace soliton {
namespace {

struct Peer final : ConnectionHandler {
  std::shared_ptr<FramedConnection> connection;
  std::function<void(Buffer)> on_frame = [](Buffer) {};
  std::promise<absl::Status> closed;
  int times_closed = 0;

  void OnFrame(Buffer frame) override { on_frame(std::move(frame)); }
  void OnClosed(const absl::Status& why) override {
    ++times_closed;
    closed.set_value(why);
  }
  void Start(std::shared_ptr<FramedConnection> started) {
    connection = std::move(started);
    connection->Start(this);
  }
};

TEST(TcpMoveTest, AConnectionMovesToAnotherShardWithWhatItHasRead) {
  // All frames are on their way before the first one moves the connection, large ones among them.
  std::vector<Buffer> sent;
  Random random(17);
  for (int i = 0; i < 50; ++i) {
    sent.push_back(Buffer::Allocate(1 + random.Below(60'000)));
    for (size_t at = 0; at < sent.back().size(); ++at) {
      sent.back().mutable_data()[at] = static_cast<uint8_t>(random.Next());
    }
  }
  Peer before, after, client;
  std::promise<void> all_back;
  NativePorts native({.shard_count = 2});
  Transport& transport = *native.ports().transport;
  Shard& second_shard = native.ports().shards->shard(1);
  native.Start();

  before.on_frame = [&](Buffer first) {
    ASSERT_TRUE(before.connection->CanMove());
    before.connection->MoveTo(second_shard, [&, first](auto moved) {
      CHECK(second_shard.IsCurrent() && !moved->CanMove(), "moved elsewhere");
      after.on_frame = [&](Buffer frame) { after.connection->Send(BufferChain(frame)); };
      after.Start(std::move(moved));
      after.connection->Send(BufferChain(first));
    });
    EXPECT_FALSE(before.connection->CanMove());
    before.connection.reset();
  };
  // The first accepted connection is on the first shard.
  auto listener = transport.Listen(
      {"127.0.0.1", 0}, {}, *native.ports().shards,
      [&](Shard&, std::shared_ptr<FramedConnection> accepted) { before.Start(accepted); });
  ASSERT_TRUE(listener.ok());
  size_t back = 0;
  client.on_frame = [&](Buffer frame) {
    EXPECT_EQ(frame, sent[back]) << back;
    if (++back == sent.size()) all_back.set_value();
  };
  second_shard.Post([&] {
    transport.Connect(second_shard, {"127.0.0.1", (*listener)->port()}, {}, seconds(10),
                      [&](auto connected) {
                        CHECK(connected.ok(), "{}", std::string(connected.status().message()));
                        client.Start(std::move(*connected));
                        for (const Buffer& frame : sent)
                          client.connection->Send(BufferChain(frame));
                      });
  });
  Await(all_back.get_future());
  // Its successor hears of the end, the connection that moved does not.
  second_shard.Post([&] { client.connection.reset(); });
  EXPECT_TRUE(absl::IsUnavailable(Await(after.closed.get_future())));
  RunOn(second_shard, [&] { after.connection.reset(); });  // a connection needs its shard
  native.Stop();
  native.Join();
  EXPECT_EQ(before.times_closed, 0);
}

}  // namespace
}  // namespace soliton

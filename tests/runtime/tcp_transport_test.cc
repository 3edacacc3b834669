#include "runtime/net/tcp_transport.h"

#include <gtest/gtest.h>

#include "runtime/native_ports.h"
#include "tests/runtime/await.h"
#include "tests/runtime/silent_server.h"
#include "tests/runtime/temporary_directory.h"

namespace soliton {
namespace {

// One end of a connection, with a test's closures as its handler. Touched on its shard only.
struct Peer final : ConnectionHandler {
  std::shared_ptr<FramedConnection> connection;
  std::function<void(Buffer)> on_frame = [](Buffer) {};
  std::function<void()> on_drained = [] {};
  std::promise<absl::Status> closed;
  int times_closed = 0;

  void OnFrame(Buffer frame) override { on_frame(std::move(frame)); }
  void OnDrained() override { on_drained(); }
  void OnClosed(const absl::Status& why) override {
    CHECK(++times_closed == 1, "closed twice");
    closed.set_value(why);
  }
  void Start(std::shared_ptr<FramedConnection> started) {
    connection = std::move(started);
    connection->Start(this);
  }
};

Buffer RandomBuffer(Random& random, size_t size) {
  Buffer buffer = Buffer::Allocate(size);
  for (size_t i = 0; i < size; ++i) buffer.mutable_data()[i] = static_cast<uint8_t>(random.Next());
  return buffer;
}

// A server on shard 0 and clients on shard 1 (accepted connections take turns between the shards).
class TcpTransportTest : public testing::Test {
 protected:
  TcpTransportTest() { ports_.Start(); }

  // Peers and the locals that their closures refer to die at the end of a test: not before the
  // shards stand still.
  struct [[nodiscard]] StopAtExit {
    NativePorts& ports;
    ~StopAtExit() {
      ports.Stop();
      ports.Join();
    }
  };

  Transport& transport() { return *ports_.ports().transport; }
  Shard& server_shard() { return ports_.ports().shards->shard(0); }
  Shard& client_shard() { return ports_.ports().shards->shard(1); }

  std::unique_ptr<Listener> Listen(Transport::AcceptHandler on_accept,
                                   const ConnectionOptions& options = {}) {
    auto listener =
        transport().Listen({"127.0.0.1", 0}, options, *ports_.ports().shards, std::move(on_accept));
    CHECK(listener.ok(), "{}", std::string(listener.status().message()));
    return std::move(*listener);
  }

  absl::StatusOr<std::shared_ptr<FramedConnection>> Connect(const Endpoint& to,
                                                            Duration timeout = seconds(10)) {
    std::promise<absl::StatusOr<std::shared_ptr<FramedConnection>>> result;
    auto future = result.get_future();
    client_shard().Post([&, to, timeout] {
      auto inside = std::make_shared<bool>(true);
      transport().Connect(client_shard(), to, {}, timeout, [&, inside](auto connection) {
        CHECK(!*inside, "done ran inside Connect");
        CHECK(client_shard().IsCurrent(), "done ran off its shard");
        result.set_value(std::move(connection));
      });
      *inside = false;
    });
    return Await(std::move(future));
  }

  // Connects `client` to `server`; `options` are the server's. The first accepted connection is on
  // shard 0.
  StopAtExit Join(Peer& server, Peer& client, const ConnectionOptions& options = {}) {
    std::promise<void> accepted;
    listener_ = Listen(
        [&](Shard& shard, std::shared_ptr<FramedConnection> connection) {
          CHECK(&shard == &server_shard() && shard.IsCurrent(), "accepted elsewhere");
          server.Start(std::move(connection));
          accepted.set_value();
        },
        options);
    auto connection = Connect({"127.0.0.1", listener_->port()});
    CHECK(connection.ok(), "{}", std::string(connection.status().message()));
    RunOn(client_shard(), [&] { client.Start(std::move(*connection)); });
    Await(accepted.get_future());
    return {ports_};
  }

  // The reading shard has had several turns since everything on its way was sent.
  void LetTurnsPass(Shard& shard) {
    for (int i = 0; i < 20; ++i) RunOn(shard, [] {});
  }

  NativePorts ports_{NativeOptions{.shard_count = 2, .seed = 1}};
  std::unique_ptr<Listener> listener_;
};

TEST_F(TcpTransportTest, FramesOfManySizesGoBothWaysInOrder) {
  Random random(1);
  std::vector<Buffer> frames;
  for (size_t size :
       {0u,     1u,     3u,     4u,     5u,     100u,   4091u,      4092u,      4093u, 4096u,
        16383u, 16384u, 65531u, 65532u, 65536u, 65537u, 1'000'000u, 3'000'001u, 0u,    7u}) {
    frames.push_back(RandomBuffer(random, size));
  }
  for (int i = 0; i < 2000; ++i) frames.push_back(RandomBuffer(random, random.Below(3000)));

  Peer server, client;
  server.on_frame = [&](Buffer frame) { server.connection->Send(BufferChain(std::move(frame))); };
  std::vector<Buffer> echoed;
  std::promise<void> all;
  client.on_frame = [&](Buffer frame) {
    echoed.push_back(std::move(frame));
    if (echoed.size() == frames.size()) all.set_value();
  };
  const auto running = Join(server, client);
  RunOn(client_shard(), [&] {
    for (const Buffer& frame : frames) client.connection->Send(BufferChain(frame));
    EXPECT_GT(client.connection->unsent_bytes(), 4'000'000);
  });
  Await(all.get_future());
  RunOn(client_shard(), [&] {
    EXPECT_EQ(client.connection->unsent_bytes(), 0);
    for (size_t i = 0; i < frames.size(); ++i) ASSERT_TRUE(echoed[i] == frames[i]) << i;
  });
}

TEST_F(TcpTransportTest, ChainsMixMemoryAndFileRegions) {
  TemporaryDirectory directory;
  Random random(2);
  auto file = ports_.ports().files->Open(directory.File("f"), OpenMode::kReadWriteOrCreate);
  ASSERT_TRUE(file.ok());
  const Buffer content = RandomBuffer(random, 6'000'000);
  ASSERT_TRUE((*file)->Append({&content, 1}).ok());

  Peer server, client;
  std::vector<Buffer> expected;
  std::vector<Buffer> received;
  std::promise<void> all;
  client.on_frame = [&](Buffer frame) {
    received.push_back(std::move(frame));
    if (received.size() == 40) all.set_value();
  };
  const auto running = Join(server, client);
  RunOn(server_shard(), [&] {
    for (int i = 0; i < 40; ++i) {
      BufferChain chain;
      for (uint64_t piece = random.Below(6); piece > 0; --piece) {
        constexpr uint64_t kSizes[] = {10, 3000, 16'384, 70'000, 2'000'000};
        const uint64_t size = 1 + random.Below(kSizes[random.Below(5)]);
        const uint64_t position = random.Below(content.size() - size);
        if (random.Chance(1, 3)) {
          chain.Append(content.Slice(position, size));
        } else {
          chain.Append(
              FileRegion{*file, static_cast<int64_t>(position), static_cast<int64_t>(size)});
        }
      }
      expected.push_back(*chain.Flatten());
      server.connection->Send(std::move(chain));
    }
    file->reset();  // the regions keep it open
  });
  ASSERT_TRUE(ports_.ports().files->Remove(directory.File("f")).ok());
  Await(all.get_future());
  RunOn(client_shard(), [&] {
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_TRUE(received[i] == expected[i]) << i;
  });
}

// A file without a descriptor, as the simulator's.
class MemoryFile final : public File {
 public:
  explicit MemoryFile(Buffer content) : content_(std::move(content)) {}
  absl::Status Append(std::span<const Buffer>) override { return absl::UnimplementedError(""); }
  absl::StatusOr<size_t> ReadAt(int64_t position, std::span<uint8_t> out) const override {
    const auto at = std::min(static_cast<size_t>(position), content_.size());
    const size_t count = std::min(out.size(), content_.size() - at);
    std::copy_n(content_.data() + at, count, out.data());
    return count;
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status Truncate(int64_t) override { return absl::UnimplementedError(""); }
  int64_t size_bytes() const override { return static_cast<int64_t>(content_.size()); }
  int native_handle() const override { return -1; }
  const std::string& path() const override { return path_; }

 private:
  Buffer content_;
  std::string path_ = "memory";
};

TEST_F(TcpTransportTest, RegionsOfFilesWithoutADescriptor) {
  Random random(3);
  const Buffer content = RandomBuffer(random, 3'000'000);
  auto file = std::make_shared<MemoryFile>(content);
  Peer server, client;
  std::promise<Buffer> got;
  client.on_frame = [&](Buffer frame) { got.set_value(std::move(frame)); };
  const auto running = Join(server, client);
  RunOn(server_shard(), [&] {
    BufferChain chain(Buffer::Wrap("header"));
    chain.Append(FileRegion{file, 5, 2'900'000});
    chain.Append(Buffer::Wrap("trailer"));
    server.connection->Send(std::move(chain));
  });
  const Buffer frame = Await(got.get_future());
  ASSERT_EQ(frame.size(), 2'900'013u);
  EXPECT_EQ(frame.Slice(0, 6).view(), "header");
  EXPECT_TRUE(frame.Slice(6, 2'900'000) == content.Slice(5, 2'900'000));
  EXPECT_EQ(frame.Slice(2'900'006).view(), "trailer");
}

// Below and above the size from which regions go by sendfile.
class RegionBeyondItsFileTest : public TcpTransportTest,
                                public testing::WithParamInterface<int64_t> {};

INSTANTIATE_TEST_SUITE_P(Lengths, RegionBeyondItsFileTest, testing::Values(100, 100'000));

TEST_P(RegionBeyondItsFileTest, ClosesTheConnection) {
  TemporaryDirectory directory;
  auto file = ports_.ports().files->Open(directory.File("f"), OpenMode::kReadWriteOrCreate);
  const Buffer content = Buffer::Wrap(std::string(50, 'x'));
  ASSERT_TRUE((*file)->Append({&content, 1}).ok());
  Peer server, client;
  client.on_frame = [](Buffer) { ADD_FAILURE() << "a frame that could not be completed"; };
  const auto running = Join(server, client);
  RunOn(server_shard(), [&] {
    BufferChain chain;
    chain.Append(FileRegion{*file, 0, GetParam()});
    server.connection->Send(std::move(chain));
  });
  EXPECT_TRUE(absl::IsDataLoss(Await(server.closed.get_future())));
  EXPECT_TRUE(absl::IsUnavailable(Await(client.closed.get_future())));
}

TEST_F(TcpTransportTest, PausedReaderGetsNothingUntilItResumes) {
  Peer server, client;
  std::vector<std::string> got;
  std::promise<void> first, all;
  server.on_frame = [&](Buffer frame) {
    got.emplace_back(frame.view());
    if (got.size() == 1) {
      server.connection->PauseReading();
      first.set_value();
    }
    if (got.size() == 100) all.set_value();
  };
  std::promise<void> drained;
  client.on_drained = [&] { drained.set_value(); };
  const auto running = Join(server, client);
  RunOn(client_shard(), [&] {
    for (int i = 0; i < 100; ++i)
      client.connection->Send(BufferChain(Buffer::Wrap(fmt::format("{}", i))));
  });
  Await(first.get_future());
  Await(drained.get_future());
  LetTurnsPass(server_shard());
  EXPECT_EQ(RunOn(server_shard(), [&] { return got.size(); }), 1u);
  RunOn(server_shard(), [&] {
    server.connection->ResumeReading();
    EXPECT_EQ(got.size(), 1u) << "OnFrame ran inside ResumeReading";
  });
  Await(all.get_future());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(got[static_cast<size_t>(i)], fmt::format("{}", i));
}

TEST_F(TcpTransportTest, APausedReaderHoldsTheWriterBack) {
  Peer server, client;
  constexpr int kFrames = 64;
  constexpr size_t kFrameBytes = 1 << 20;
  int got = 0;
  std::promise<void> all, drained;
  server.on_frame = [&](Buffer frame) {
    EXPECT_EQ(frame.size(), kFrameBytes);
    if (++got == kFrames) all.set_value();
  };
  int times_drained = 0;
  client.on_drained = [&] {
    if (++times_drained == 1) drained.set_value();
  };
  const auto running = Join(server, client);
  RunOn(server_shard(), [&] { server.connection->PauseReading(); });
  RunOn(client_shard(), [&] {
    const Buffer frame = Buffer::Wrap(std::string(kFrameBytes, 'f'));
    for (int i = 0; i < kFrames; ++i) client.connection->Send(BufferChain(frame));
  });
  LetTurnsPass(client_shard());
  LetTurnsPass(server_shard());
  // Socket buffers hold a few MiB, not 64.
  RunOn(client_shard(), [&] {
    EXPECT_GT(client.connection->unsent_bytes(), 0);
    EXPECT_EQ(times_drained, 0);
  });
  EXPECT_EQ(RunOn(server_shard(), [&] { return got; }), 0);
  RunOn(server_shard(), [&] { server.connection->ResumeReading(); });
  Await(all.get_future());
  Await(drained.get_future());
  RunOn(client_shard(), [&] {
    EXPECT_EQ(client.connection->unsent_bytes(), 0);
    EXPECT_EQ(times_drained, 1);
  });
}

TEST_F(TcpTransportTest, AFrameAboveTheLimitClosesBothEnds) {
  Peer server, client;
  int got = 0;
  server.on_frame = [&](Buffer) { ++got; };
  const auto running = Join(server, client, {.max_frame_bytes = 1000});
  RunOn(client_shard(), [&] {
    client.connection->Send(BufferChain(Buffer::Wrap(std::string(1000, 'a'))));
    client.connection->Send(BufferChain(Buffer::Wrap(std::string(1001, 'b'))));
    client.connection->Send(BufferChain(Buffer::Wrap("after")));
  });
  EXPECT_TRUE(absl::IsInvalidArgument(Await(server.closed.get_future())));
  EXPECT_TRUE(absl::IsUnavailable(Await(client.closed.get_future())));
  EXPECT_EQ(RunOn(server_shard(), [&] { return got; }), 1);
}

TEST_F(TcpTransportTest, CloseInsideACallbackEndsDelivery) {
  Peer server, client;
  int got = 0;
  server.on_frame = [&](Buffer) {
    ++got;
    server.connection->Close();
    server.connection->Close();
    server.connection->Send(BufferChain(Buffer::Wrap("dropped")));
    EXPECT_EQ(server.times_closed, 0) << "OnClosed ran inside Close";
  };
  client.on_frame = [](Buffer) { ADD_FAILURE() << "sent after Close"; };
  const auto running = Join(server, client);
  RunOn(client_shard(), [&] {
    for (int i = 0; i < 10; ++i) client.connection->Send(BufferChain(Buffer::Wrap("x")));
  });
  EXPECT_TRUE(absl::IsCancelled(Await(server.closed.get_future())));
  EXPECT_TRUE(absl::IsUnavailable(Await(client.closed.get_future())));
  LetTurnsPass(server_shard());
  EXPECT_EQ(RunOn(server_shard(), [&] { return got; }), 1);
  RunOn(server_shard(), [&] {
    // Everything on a closed connection is harmless.
    server.connection->Close();
    server.connection->PauseReading();
    server.connection->ResumeReading();
    server.connection->Send(BufferChain(Buffer::Wrap("x")));
    EXPECT_EQ(server.connection->unsent_bytes(), 0);
  });
  LetTurnsPass(server_shard());
}

TEST_F(TcpTransportTest, TheHandlerMayDestroyTheConnectionAndItselfInOnFrame) {
  auto server = std::make_unique<Peer>();
  Peer client;
  int got = 0;
  std::promise<void> destroyed;
  server->on_frame = [&](Buffer) {
    ++got;
    // Keeps the closure alive while its owner goes.
    auto self = std::move(server->on_frame);
    auto* result = &destroyed;
    server.reset();
    result->set_value();
  };
  const auto running = Join(*server, client);
  RunOn(client_shard(), [&] {
    for (int i = 0; i < 10; ++i) client.connection->Send(BufferChain(Buffer::Wrap("x")));
  });
  Await(destroyed.get_future());
  EXPECT_TRUE(absl::IsUnavailable(Await(client.closed.get_future())));
  EXPECT_EQ(got, 1);
}

TEST_F(TcpTransportTest, DestroyingAConnectionClosesItWithoutACallback) {
  Peer server, client;
  const auto running = Join(server, client);
  RunOn(client_shard(), [&] { client.connection.reset(); });
  EXPECT_TRUE(absl::IsUnavailable(Await(server.closed.get_future())));
  LetTurnsPass(client_shard());
  EXPECT_EQ(RunOn(client_shard(), [&] { return client.times_closed; }), 0);
}

TEST_F(TcpTransportTest, AnAcceptedConnectionThatIsNotStartedIsClosed) {
  listener_ = Listen([](Shard&, std::shared_ptr<FramedConnection>) {});
  auto connection = Connect({"127.0.0.1", listener_->port()});
  ASSERT_TRUE(connection.ok());
  Peer client;
  const StopAtExit running{ports_};
  RunOn(client_shard(), [&] { client.Start(std::move(*connection)); });
  EXPECT_TRUE(absl::IsUnavailable(Await(client.closed.get_future())));
}

TEST_F(TcpTransportTest, AcceptedConnectionsAreSpreadOverTheShards) {
  std::atomic<int> on_shard[2] = {0, 0};
  std::promise<void> all;
  std::atomic<int> total = 0;
  const StopAtExit running{ports_};
  listener_ = Listen([&](Shard& shard, std::shared_ptr<FramedConnection>) {
    CHECK(shard.IsCurrent(), "accepted on the wrong thread");
    ++on_shard[shard.index()];
    if (++total == 8) all.set_value();
  });
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(Connect({"127.0.0.1", listener_->port()}).ok());
  Await(all.get_future());
  EXPECT_EQ(on_shard[0], 4);
  EXPECT_EQ(on_shard[1], 4);
}

TEST_F(TcpTransportTest, NobodyListeningIsUnavailable) {
  listener_ = Listen([](Shard&, std::shared_ptr<FramedConnection>) {});
  const uint16_t port = listener_->port();
  RunOn(server_shard(), [&] { listener_.reset(); });
  EXPECT_TRUE(absl::IsUnavailable(Connect({"127.0.0.1", port}).status()));
  EXPECT_TRUE(absl::IsUnavailable(Connect({"localhost", port}).status()));
}

TEST_F(TcpTransportTest, SilenceIsDeadlineExceeded) {
  SilentServer silent;
  const auto result = Connect({"127.0.0.1", silent.port()}, milliseconds(50));
  EXPECT_TRUE(absl::IsDeadlineExceeded(result.status())) << result.status();
}

TEST_F(TcpTransportTest, UnknownHostIsNotFound) {
  const auto result = Connect({"no-such-host.invalid", 9092});
  EXPECT_TRUE(absl::IsNotFound(result.status())) << result.status();
}

TEST_F(TcpTransportTest, NamesResolveAndAddressesAreTold) {
  Peer server, client;
  const auto running = Join(server, client);
  const std::string server_sees = RunOn(server_shard(), [&] { return server.connection->peer(); });
  EXPECT_EQ(server_sees, RunOn(client_shard(), [&] { return client.connection->local(); }));
  EXPECT_EQ(RunOn(client_shard(), [&] { return client.connection->peer(); }),
            fmt::format("127.0.0.1:{}", listener_->port()));
}

TEST_F(TcpTransportTest, ATakenAddressIsFailedPrecondition) {
  listener_ = Listen([](Shard&, std::shared_ptr<FramedConnection>) {});
  const auto second =
      transport().Listen({"127.0.0.1", listener_->port()}, {}, *ports_.ports().shards,
                         [](Shard&, std::shared_ptr<FramedConnection>) {});
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_NE(second.status().message().find(fmt::format("127.0.0.1:{}", listener_->port())),
            std::string::npos);
}

TEST_F(TcpTransportTest, StoppingWithWorkInFlightIsClean) {
  Peer server, client;
  server.on_frame = [&](Buffer frame) { server.connection->Send(BufferChain(std::move(frame))); };
  client.on_frame = [&](Buffer frame) { client.connection->Send(BufferChain(std::move(frame))); };
  const auto running = Join(server, client);
  RunOn(client_shard(), [&] {
    for (int i = 0; i < 50; ++i) {
      client.connection->Send(BufferChain(Buffer::Wrap(std::string(100'000, 'y'))));
    }
  });
  ports_.Stop();
  ports_.Join();
  EXPECT_EQ(server.times_closed + client.times_closed, 0);
}

}  // namespace
}  // namespace soliton

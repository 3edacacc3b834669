// CRC-32C and framed connections over loopback. Compare within one run; quote CPU time per byte,
// not rates.
#include <benchmark/benchmark.h>

#include <future>

#include "runtime/base/crc32c.h"
#include "runtime/native_ports.h"
#include "runtime/process.h"

namespace soliton {
namespace {

void BM_Crc32c(benchmark::State& state) {
  const std::vector<uint8_t> bytes(static_cast<size_t>(state.range(0)), 0x5A);
  for (auto _ : state) benchmark::DoNotOptimize(Crc32c(bytes));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(BM_Crc32c)->Arg(64)->Arg(1024)->Arg(65536)->Arg(1 << 20);

// Answers every frame with a short one.
struct Server final : ConnectionHandler {
  std::shared_ptr<FramedConnection> connection;
  void OnFrame(Buffer) override { connection->Send(BufferChain(answer)); }
  void OnClosed(const absl::Status&) override {}
  const Buffer answer = Buffer::Wrap("ok");
};

// Keeps `window` frames unanswered until `total` were answered.
struct Client final : ConnectionHandler {
  std::shared_ptr<FramedConnection> connection;
  Buffer frame;
  int64_t to_send = 0;
  int64_t to_receive = 0;
  std::promise<void> done;
  void SendOne() {
    if (to_send == 0) return;
    --to_send;
    connection->Send(BufferChain(frame));
  }
  void OnFrame(Buffer) override {
    if (--to_receive == 0) return done.set_value();
    SendOne();
  }
  void OnClosed(const absl::Status&) override {}
};

// Arguments: frame size, frames in flight.
void BM_FramesOverLoopback(benchmark::State& state) {
  constexpr int64_t kFramesPerIteration = 2000;
  NativePorts ports(NativeOptions{.shard_count = 2, .disk_thread_count = 0, .seed = 1});
  const Ports& p = ports.ports();
  Server server;
  auto listener = p.transport->Listen({"127.0.0.1", 0}, {}, *p.shards, [&](Shard&, auto accepted) {
    server.connection = std::move(accepted);
    server.connection->Start(&server);
  });
  ports.Start();
  Client client;
  client.frame = Buffer::Wrap(std::string(static_cast<size_t>(state.range(0)), 'f'));
  std::promise<void> connected;
  p.shards->shard(1).Post([&] {
    p.transport->Connect(p.shards->shard(1), {"127.0.0.1", (*listener)->port()}, {}, seconds(5),
                         [&](auto connection) {
                           client.connection = std::move(*connection);
                           client.connection->Start(&client);
                           connected.set_value();
                         });
  });
  connected.get_future().get();
  const Duration cpu_before = UsageOfProcess()->cpu();
  for (auto _ : state) {
    std::promise<void> done;
    auto finished = done.get_future();
    p.shards->shard(1).Post([&] {
      client.done = std::move(done);
      client.to_send = client.to_receive = kFramesPerIteration;
      for (int64_t i = 0; i < state.range(1); ++i) client.SendOne();
    });
    finished.get();
  }
  const double cpu_seconds =
      std::chrono::duration<double>(UsageOfProcess()->cpu() - cpu_before).count();
  const auto frames = static_cast<double>(state.iterations()) * kFramesPerIteration;
  state.counters["cpu_us_per_frame"] = cpu_seconds * 1e6 / frames;
  state.counters["cpu_s_per_GiB"] =
      cpu_seconds / (frames * static_cast<double>(state.range(0)) / (1 << 30));
  state.SetItemsProcessed(static_cast<int64_t>(frames));
  state.SetBytesProcessed(static_cast<int64_t>(frames) * state.range(0));
  ports.Stop();
  ports.Join();
}
BENCHMARK(BM_FramesOverLoopback)
    ->Args({64, 1})
    ->Args({64, 64})
    ->Args({1024, 64})
    ->Args({65536, 16})
    ->Args({1 << 20, 8})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace soliton

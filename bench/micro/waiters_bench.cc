// Requests that wait at a partition: produce requests for the high watermark, fetches for data.
#include <benchmark/benchmark.h>

#include "broker/partition/fetch_waiters.h"
#include "broker/partition/produce_waiters.h"

namespace soliton::broker {
namespace {

// Argument: requests that wait when the high watermark passes them all.
void BM_ProduceWaiters(benchmark::State& state) {
  ProduceWaiters waiters;
  int64_t offset = 0;
  int64_t done = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) {
      waiters.Add(++offset, [&done](kafka::ErrorCode) { ++done; });
    }
    waiters.Complete(offset, kafka::ErrorCode::NONE);
  }
  if (done != offset) state.SkipWithError("somebody still waits");
  state.SetItemsProcessed(done);
}
BENCHMARK(BM_ProduceWaiters)->Arg(1)->Arg(128)->Arg(1024);

// Argument: fetches parked at the partition when data comes.
void BM_FetchWaiters(benchmark::State& state) {
  FetchWaiters waiters;
  int64_t rung = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) {
      waiters.Add(std::make_shared<FetchDoorbell>([&rung] { ++rung; }));
    }
    waiters.RingAll();
  }
  if (rung != state.iterations() * state.range(0)) state.SkipWithError("a bell did not ring");
  state.SetItemsProcessed(rung);
}
BENCHMARK(BM_FetchWaiters)->Arg(1)->Arg(64)->Arg(1000);

}  // namespace
}  // namespace soliton::broker

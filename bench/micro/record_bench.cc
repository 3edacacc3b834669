// What happens to the bytes of a record batch: building it, the leader's validation (header, CRC,
// walk over the records), reading it.
#include <benchmark/benchmark.h>

#include "bench/load/load_payload.h"
#include "protocol/record/batch_builder.h"
#include "protocol/record/record_iterator.h"
#include "segment/state/batch_validator_core.h"

namespace soliton {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;

Buffer MakeBatch(int64_t records, int64_t value_bytes) {
  std::string value(static_cast<size_t>(value_bytes), '\0');
  bench::LoadPayload().Fill(value);
  kafka::BatchBuilder builder;
  for (int64_t i = 0; i < records; ++i) builder.Append(kNowMs, std::nullopt, value);
  return builder.Build();
}

void SetBytes(benchmark::State& state, const Buffer& batch) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(batch.size()));
}

// Arguments of all: records, bytes of a value.
void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({1, 1024})->Args({64, 1000})->Args({150, 100});
}

void BM_BuildBatch(benchmark::State& state) {
  std::string value(static_cast<size_t>(state.range(1)), 'v');
  Buffer batch;
  for (auto _ : state) {
    kafka::BatchBuilder builder;
    for (int64_t i = 0; i < state.range(0); ++i) builder.Append(kNowMs, std::nullopt, value);
    batch = builder.Build();
  }
  SetBytes(state, batch);
}
BENCHMARK(BM_BuildBatch)->Apply(Shapes);

void BM_ValidateBatch(benchmark::State& state) {
  const Buffer batch = MakeBatch(state.range(0), state.range(1));
  const segment::BatchValidationOptions options;
  for (auto _ : state) {
    const segment::BatchVerdict verdict =
        segment::ValidateBatch(batch, options, {.now_ms = kNowMs});
    if (!verdict.ok()) state.SkipWithError("the batch is refused");
    benchmark::DoNotOptimize(&verdict);
  }
  SetBytes(state, batch);
}
BENCHMARK(BM_ValidateBatch)->Apply(Shapes);

void BM_IterateRecords(benchmark::State& state) {
  const Buffer bytes = MakeBatch(state.range(0), state.range(1));
  const auto batch = kafka::RecordBatchView::Parse(bytes);
  kafka::Record record;
  for (auto _ : state) {
    auto records = kafka::RecordIterator::Open(*batch, size_t{1} << 30);
    while (*records->Next(record)) benchmark::DoNotOptimize(record.value);
  }
  SetBytes(state, bytes);
}
BENCHMARK(BM_IterateRecords)->Apply(Shapes);

}  // namespace
}  // namespace soliton

// The log on the machine's own file system: append (without a flush) and where an offset lies.
#include <benchmark/benchmark.h>

#include <memory>

#include "protocol/record/batch_builder.h"
#include "protocol/record/record_batch.h"
#include "runtime/base/check.h"
#include "runtime/base/endian.h"
#include "runtime/file/posix_file_system.h"
#include "runtime/loop/native_clock.h"
#include "runtime/process.h"
#include "segment/index/offset_index.h"
#include "segment/log.h"

namespace soliton::segment {
namespace {

// A log in a folder of its own, which goes with it.
class ScratchLog {
 public:
  ScratchLog() {
    directory_ = JoinPath(EnvironmentVariable("TMPDIR").value_or("/tmp"),
                          fmt::format("soliton-micro-{}", ProcessId()));
    Start();
  }
  ~ScratchLog() {
    log_.reset();
    (void)fs_.RemoveTree(directory_);
  }

  void Start() {
    log_.reset();
    CHECK(fs_.RemoveTree(directory_).ok());
    CHECK(fs_.CreateDirectories(directory_).ok());
    auto log = Log::Open(fs_, clock_, {}, {.directory = JoinPath(directory_, "t-0")});
    CHECK(log.ok(), "{}", log.status().ToString());
    log_ = *std::move(log);
  }
  Log& log() { return *log_; }

 private:
  PosixFileSystem fs_;
  NativeClock clock_;
  std::string directory_;
  std::unique_ptr<Log> log_;
};

Buffer MakeBatch(int64_t value_bytes) {
  kafka::BatchBuilder builder;
  builder.Append(NativeClock().WallMs(), std::nullopt,
                 std::string(static_cast<size_t>(value_bytes), 'v'));
  return builder.Build();
}

// Appends it as a producer sent it: the log stamps offset and epoch into the bytes.
void AppendAgain(Log& log, Buffer& batch) {
  StoreBigEndian<int64_t>(batch.mutable_data() + kafka::batch_layout::kBaseOffset, 0);
  const AppendResult result = log.AppendAsLeader(batch, 0);
  CHECK(result.error == kafka::ErrorCode::NONE, "{}", result.error_message);
}

// Argument: bytes of the batch. Into new pages of the page cache, as a log grows.
void BM_Append(benchmark::State& state) {
  constexpr int64_t kMaxLogBytes = 256 << 20;
  ScratchLog scratch;
  Buffer batch = MakeBatch(state.range(0));
  for (auto _ : state) {
    AppendAgain(scratch.log(), batch);
    if (scratch.log().size_bytes() > kMaxLogBytes) {
      state.PauseTiming();
      scratch.Start();
      state.ResumeTiming();
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(batch.size()));
}
BENCHMARK(BM_Append)->Arg(1024)->Arg(16 << 10)->Arg(64 << 10)->Arg(1'000'000);

// Argument: how far behind the end (in batches) the reads begin; each reads one batch's place.
void BM_ReadPlace(benchmark::State& state) {
  constexpr int64_t kBatches = 100'000;
  ScratchLog scratch;
  Buffer batch = MakeBatch(1024);
  for (int64_t i = 0; i < kBatches; ++i) AppendAgain(scratch.log(), batch);
  int64_t step = 0;
  for (auto _ : state) {
    const int64_t offset = kBatches - 1 - (step++ * 7919) % state.range(0);
    auto slice = scratch.log().Read(offset, kBatches, 1024, /*at_least_one_batch=*/true);
    benchmark::DoNotOptimize(slice);
  }
}
BENCHMARK(BM_ReadPlace)->Arg(1)->Arg(1000)->Arg(90'000);

// Argument: entries.
void BM_IndexLookup(benchmark::State& state) {
  OffsetIndex index(0);
  for (int64_t i = 0; i < state.range(0); ++i) index.Append(i * 60 + 59, i * 4096);
  int64_t step = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(index.FloorOffset((step++ * 7919) % (state.range(0) * 60)));
  }
}
BENCHMARK(BM_IndexLookup)->Arg(1000)->Arg(262'144);

}  // namespace
}  // namespace soliton::segment

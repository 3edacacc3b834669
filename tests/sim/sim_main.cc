// soliton-sim: runs seeds of the simulated cluster, several at once (worlds share nothing), and
// says how to replay one that fails. Exit code 0 when all invariants held, 1 when one was violated.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <optional>
#include <string>

#include "runtime/base/check_context.h"
#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"
#include "runtime/file/posix_file_system.h"
#include "runtime/native_ports.h"
#include "runtime/obs/logging.h"
#include "runtime/process.h"
#include "tests/sim/regression.h"
#include "tests/sim/shrinker.h"
#include "tests/sim/simulation.h"

namespace soliton::sim {
namespace {

struct MainOptions {
  uint64_t first_seed = 1;
  uint64_t seeds = 100;
  int jobs = 1;
  bool verbose = false;
  bool check_determinism = false;
  bool keep_going = false;
  bool marks = false;
  bool chart = false;
  bool shrink = false;
  std::optional<Regression> replay;
};

constexpr uint64_t kProgressEvery = 50;

class Runner {
 public:
  explicit Runner(const MainOptions& options)
      : options_(options),
        ports_({.shard_count = options.jobs, .disk_thread_count = 0}),
        running_(options.jobs) {}

  int Run() {
    for (int i = 0; i < options_.jobs; ++i) {
      Shard& shard = ports_.ports().shards->shard(i);
      shard.Post([this, &shard] { RunNext(shard); });
    }
    ports_.Start();
    ports_.Join();
    const double elapsed = Seconds();
    fmt::print(
        "{} seeds in {:.1f} s ({:.0f} seeds/min), {} events, {} records acked, {} read, {} "
        "faults, {:.0f} virtual s\n",
        done_.load(), elapsed, static_cast<double>(done_) * 60 / elapsed, events_.load(),
        acked_.load(), read_.load(), strikes_.load(),
        static_cast<double>(virtual_ms_.load()) / 1000);
    if (options_.marks) PrintMarks();
    if (failed_ > 0) fmt::print("{} seeds FAILED\n", failed_.load());
    return failed_ == 0 ? 0 : 1;
  }

 private:
  double Seconds() const { return std::chrono::duration<double>(watch_.elapsed()).count(); }

  static void PrintMarks() {
    for (const auto& [name, count] : ReachMark::Counts()) fmt::print("{:>10} {}\n", count, name);
  }

  // One seed per task; the last worker to find none stops all.
  void RunNext(Shard& shard) {
    const uint64_t index = next_++;
    if (index >= options_.seeds || (failed_ > 0 && !options_.keep_going)) {
      if (--running_ == 0) ports_.Stop();
      return;
    }
    RunSeed(options_.first_seed + index);
    shard.Post([this, &shard] { RunNext(shard); });
  }

  static std::string ReplayCommand(uint64_t seed) {
    return fmt::format("build/soliton-sim --seed {} --verbose", seed);
  }

  void RunSeed(uint64_t seed) {
    SetCheckContext(fmt::format("seed {} FAILED: a CHECK\nreplay: {}", seed, ReplayCommand(seed)));
    SimulationOptions options;
    if (options_.replay) options = options_.replay->Options();
    options.verbose = options_.verbose;
    options.chart = options_.chart;
    SimulationResult result = Simulate(seed, options);
    if (options_.check_determinism && result.failure.ok()) CompareWithSecondRun(seed, result);
    SetCheckContext("");
    events_ += result.events;
    acked_ += static_cast<uint64_t>(result.acked);
    read_ += static_cast<uint64_t>(result.read);
    strikes_ += result.strikes.size();
    virtual_ms_ += static_cast<uint64_t>(result.virtual_seconds * 1000);
    if (!result.failure.ok()) {
      ++failed_;
      fmt::print(
          "seed {} FAILED after {:.1f} virtual s\nviolated: {}\nplan:\n{}\nstrikes: {}\n"
          "replay: {}\n",
          seed, result.virtual_seconds, std::string(result.failure.message()),
          result.plan.ToString(), result.faults, ReplayCommand(seed));
      for (const std::string& line : result.chart) fmt::print("{}\n", line);
    } else if (options_.seeds == 1) {
      fmt::print("seed {} passed: {} acked, {} given up, {} read, trace {:016x}\nstrikes: {}\n",
                 seed, result.acked, result.failed, result.read, result.trace_hash, result.faults);
    }
    const uint64_t done = ++done_;
    if (done % kProgressEvery == 0 && done < options_.seeds) {
      fmt::print("{}/{} seeds, {:.0f} seeds/min\n", done, options_.seeds,
                 static_cast<double>(done) * 60 / Seconds());
    }
    std::fflush(stdout);
  }

  void CompareWithSecondRun(uint64_t seed, SimulationResult& result) {
    const SimulationResult again = Simulate(seed);
    if (again.trace_hash == result.trace_hash && again.events == result.events) return;
    result.failure = absl::InternalError(
        fmt::format("determinism: {} events, trace {:016x}, then {} events, trace {:016x}",
                    result.events, result.trace_hash, again.events, again.trace_hash));
  }

  const MainOptions options_;
  NativePorts ports_;
  Stopwatch watch_;
  std::atomic<int> running_;
  std::atomic<uint64_t> next_{0};
  std::atomic<uint64_t> done_{0};
  std::atomic<uint64_t> failed_{0};
  std::atomic<uint64_t> events_{0};
  std::atomic<uint64_t> acked_{0};
  std::atomic<uint64_t> read_{0};
  std::atomic<uint64_t> strikes_{0};
  std::atomic<uint64_t> virtual_ms_{0};
};

int ShrinkSeed(uint64_t seed) {
  constexpr int kMaxRuns = 400;
  SetCheckContext(fmt::format("seed {}: a CHECK while shrinking", seed));
  Shrinker shrinker(kMaxRuns);
  const std::optional<Regression> shrunk = shrinker.Shrink(seed);
  if (!shrunk) {
    fmt::print("seed {} passes\n", seed);
    return 0;
  }
  fmt::print("{}", shrunk->ToString());
  std::fflush(stdout);
  fmt::print(stderr, "{} runs\n", shrinker.runs());
  return 1;
}

int Main(int argc, char** argv) {
  MainOptions options;
  options.jobs = HardwareConcurrency();
  uint64_t seed = 0;
  CLI::App app("Runs the whole system, clients included, in a simulated world.", "soliton-sim");
  app.add_option("--seeds", options.seeds, "how many seeds to run")->capture_default_str();
  app.add_option("--first-seed", options.first_seed, "the first of them")->capture_default_str();
  auto* one = app.add_option("--seed", seed, "run this one only");
  app.add_option("--jobs", options.jobs, "seeds at a time")->check(CLI::Range(1, 256));
  app.add_flag("--verbose", options.verbose, "log lines and faults with virtual times, on stderr");
  app.add_flag("--check-determinism", options.check_determinism,
               "run each seed twice and compare the traces");
  app.add_flag("--keep-going", options.keep_going, "do not stop at the first failure");
  app.add_flag("--marks", options.marks, "print how often each rare state was reached");
  app.add_flag("--chart", options.chart, "print what happened last before a failure");
  app.add_flag("--shrink", options.shrink,
               "with --seed: reduce a failing run and print it as a regression file");
  std::string replay;
  app.add_option("--replay", replay, "run what a regression file says");
#ifdef SOLITON_MUTANTS
  std::string mutant;
  app.add_option("--mutant", mutant, "switch this guard off");
#endif
  CLI11_PARSE(app, argc, argv);
#ifdef SOLITON_MUTANTS
  SwitchMutantOn(mutant);
#endif
  if (!replay.empty()) {
    PosixFileSystem files;
    auto text = ReadFile(files, replay);
    auto parsed = text.ok() ? Regression::Parse(*text) : text.status();
    if (!parsed.ok()) {
      fmt::print(stderr, "soliton-sim: {}: {}\n", replay, parsed.status().ToString());
      return 2;
    }
    options.replay = *std::move(parsed);
    options.first_seed = options.replay->seed;
    options.seeds = 1;
  }
  if (*one) {
    options.first_seed = seed;
    options.seeds = 1;
  }
  if (options.seeds == 1 || options.verbose) options.jobs = 1;
  SetLogLevel(options.verbose ? LogLevel::kDebug : LogLevel::kOff);
  if (options.shrink) return ShrinkSeed(options.first_seed);
  return Runner(options).Run();
}

}  // namespace
}  // namespace soliton::sim

int main(int argc, char** argv) { return soliton::sim::Main(argc, argv); }

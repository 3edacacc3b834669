// soliton bench produce / soliton bench consume: raw loads whose own cost is small, for measuring
// brokers.
#include <fmt/format.h>

#include <charconv>

#include "bench/load/consume_load.h"
#include "bench/load/load_report.h"
#include "bench/load/produce_load.h"
#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/output.h"
#include "runtime/native_ports.h"

namespace soliton::cli {
namespace {

// What both loads have in common.
struct LoadFlags {
  std::string topic;
  std::string pids;
  ByteCount bytes;
  Duration time{};
  OutputFormat output = OutputFormat::kTable;
  ConnectionFlags connection;

  void Declare(OptionSet& options) {
    options.Value("--topic", "TOPIC", &topic, "an existing topic; all its partitions are used")
        .Required();
    options.Value("--bytes", "BYTES", &bytes, "stop after this much");
    options.Value("--time", "DURATION", &time, "stop after this long");
    options.Value(
        "--pids", "PID,...", &pids,
        "processes whose CPU time is counted: the brokers, when they run on this machine");
    AddOutputOption(options, &output);
    AddConnectionOptions(options, &connection);
  }

  bench::LoadLimit limit() const { return {.bytes = bytes.bytes, .time = time}; }

  absl::StatusOr<std::vector<int>> ParsePids() const {
    std::vector<int> parsed;
    for (size_t at = 0; at < pids.size();) {
      const size_t comma = std::min(pids.find(',', at), pids.size());
      int pid = 0;
      const auto [end, error] = std::from_chars(pids.data() + at, pids.data() + comma, pid);
      if (error != std::errc() || end != pids.data() + comma || pid <= 0) {
        return absl::InvalidArgumentError(fmt::format("'{}' is not a list of process ids", pids));
      }
      parsed.push_back(pid);
      at = comma + 1;
    }
    return parsed;
  }
};

Cell Number(double value, int decimals) { return {value, fmt::format("{:.{}f}", value, decimals)}; }

Cell OptionalNumber(std::optional<double> value, int decimals) {
  return value ? Number(*value, decimals) : Cell();
}

Cell Milliseconds(Duration latency) {
  return Number(std::chrono::duration<double, std::milli>(latency).count(), 3);
}

std::string RenderReport(std::string_view kind, const bench::LoadReport& report,
                         OutputFormat format) {
  constexpr auto kRight = Column::Align::kRight;
  Table table("loads", {{"LOAD", "load", "string"},
                        {"MIB", "bytes", "int", kRight},
                        {"SECONDS", "seconds", "double", kRight},
                        {"MIB/S", "mib_per_second", "double", kRight},
                        {"REQUESTS/S", "requests_per_second", "double", kRight},
                        {"P50 MS", "latency_p50_ms", "double", kRight},
                        {"P99 MS", "latency_p99_ms", "double", kRight},
                        {"MAX MS", "latency_max_ms", "double", kRight},
                        {"BROKER CPU-S/GIB", "broker_cpu_s_per_gib", "double", kRight},
                        {"US/REQUEST", "broker_cpu_us_per_request", "double", kRight},
                        {"OWN CPU-S/GIB", "own_cpu_s_per_gib", "double", kRight}});
  const bench::LoadFigures& figures = report.figures;
  table.AddRow({kind,
                {figures.bytes, fmt::format("{}", figures.bytes >> 20)},
                Number(std::chrono::duration<double>(figures.elapsed).count(), 2),
                Number(report.mib_per_second(), 1),
                Number(report.requests_per_second(), 0),
                Milliseconds(figures.latency.Percentile(50)),
                Milliseconds(figures.latency.Percentile(99)),
                Milliseconds(figures.latency.max()),
                OptionalNumber(report.broker_cpu_seconds_per_gib(), 3),
                OptionalNumber(report.broker_cpu_us_per_request(), 1),
                Number(report.own_cpu_seconds_per_gib(), 3)});
  return table.Render(format);
}

// Runs a Load (ProduceLoad or ConsumeLoad) to its end and prints the report.
template <class Load, class Options>
ExitCode RunLoad(std::string_view kind, const LoadFlags& flags, Options options, Context& context) {
  const absl::StatusOr<Bootstrap> bootstrap = ResolveBootstrap(flags.connection, context);
  if (!bootstrap.ok()) {
    return context.Fail({ExitCode::kUsage, std::string(bootstrap.status().message())});
  }
  const absl::StatusOr<std::vector<int>> pids = flags.ParsePids();
  if (!pids.ok()) return context.Fail({ExitCode::kUsage, std::string(pids.status().message())});
  options.target.bootstrap = bootstrap->servers;
  options.target.topic = flags.topic;
  options.limit = flags.limit();

  NativePorts native({.shard_count = 1, .disk_thread_count = 0});
  Shard& shard = native.ports().shards->shard(0);
  bench::CpuMeter cpu(*pids);
  absl::Status metered;
  absl::StatusOr<bench::LoadFigures> figures = absl::CancelledError("interrupted");
  std::unique_ptr<Load> load;
  native.WatchSignals([&](int) { native.Stop(); });
  shard.Post([&] {
    load = std::make_unique<Load>(native.ports(), shard, options,
                                  [&](absl::StatusOr<bench::LoadFigures> result) {
                                    if (metered.ok()) metered = cpu.Stop();
                                    figures = std::move(result);
                                    native.Stop();
                                  });
    load->OnBegin([&] { metered = cpu.Start(); });
  });
  native.RunOnCaller();
  load.reset();
  if (absl::IsCancelled(figures.status())) return ExitCode::kInterrupted;
  if (!figures.ok()) return context.Fail(ErrorFromStatus("the load failed", figures.status()));
  if (!metered.ok()) return context.Fail(ErrorFromStatus("cannot read CPU times", metered));
  context.out.Write(RenderReport(
      kind, {.figures = *std::move(figures), .broker_cpu = cpu.others(), .own_cpu = cpu.own()},
      flags.output));
  return ExitCode::kOk;
}

class BenchProduceCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {
        .name = "bench produce",
        .summary = "send one record batch again and again, and measure",
        .details =
            "The batch is encoded once; requests are answered in order on one connection per "
            "leader, so this program costs little beside the brokers. A closed loop: latency is "
            "that of a saturated broker unless --in-flight is 1. Not idempotent.",
        .examples = {{"soliton bench produce --topic load --bytes 1GiB --pids 812,813,814",
                      "64 KiB batches, 5 in flight per partition"},
                     {"soliton bench produce --topic load --batch-size 1KiB --in-flight 256 "
                      "--time 5s",
                      "one small record per request"}}};
  }

  void Declare(OptionSet& options) override {
    flags_.Declare(options);
    batch_size_.bytes = load_.batch_bytes;
    record_size_.bytes = load_.record_bytes;
    options.Value("--batch-size", "BYTES", &batch_size_,
                  "size of a record batch, at least a record");
    options.Value("--record-size", "BYTES", &record_size_, "size of a record's value");
    options.Value("--in-flight", "N", &load_.in_flight, "requests in flight per partition")
        .Range(1, 100'000);
    options.Choice("--acks", &load_.acks,
                   {{"all", int16_t{-1}}, {"1", int16_t{1}}, {"0", int16_t{0}}},
                   "who must have a batch before it is acknowledged");
    options
        .Value("--connections", "N", &load_.connections_per_broker,
               "connections per leader; partitions are dealt out to them")
        .Range(1, 1000);
  }

  ExitCode Run(Context& context, const OptionSet&) override {
    if (flags_.bytes.bytes <= 0 && flags_.time <= Duration::zero()) {
      return context.Fail({ExitCode::kUsage, "give --bytes or --time: a load must end"});
    }
    load_.batch_bytes = batch_size_.bytes;
    load_.record_bytes = record_size_.bytes;
    return RunLoad<bench::ProduceLoad>("produce", flags_, load_, context);
  }

 private:
  LoadFlags flags_;
  bench::ProduceLoadOptions load_;
  ByteCount batch_size_;
  ByteCount record_size_;
};

class BenchConsumeCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {
        .name = "bench consume",
        .summary = "fetch a topic as fast as it comes, and measure",
        .details =
            "Reads all partitions from their start, one fetch in flight per leader, and counts "
            "bytes without decoding records. Without --bytes or --time each partition is read "
            "once; with one of them reading starts over at the end.",
        .examples = {{"soliton bench consume --topic load --bytes 4GiB --pids 812,813,814", ""}}};
  }

  void Declare(OptionSet& options) override {
    flags_.Declare(options);
    partition_max_.bytes = load_.partition_max_bytes;
    options.Value("--partition-max-bytes", "BYTES", &partition_max_,
                  "at most this much of a partition in one answer");
  }

  ExitCode Run(Context& context, const OptionSet&) override {
    load_.partition_max_bytes = partition_max_.bytes;
    return RunLoad<bench::ConsumeLoad>("consume", flags_, load_, context);
  }

 private:
  LoadFlags flags_;
  bench::ConsumeLoadOptions load_;
  ByteCount partition_max_;
};

}  // namespace

void AddBenchLoadCommands(CommandList& commands) {
  commands.Add<BenchProduceCommand>();
  commands.Add<BenchConsumeCommand>();
}

}  // namespace soliton::cli

// soliton bench failover: a verified open-loop load while a cluster is broken and mended.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>

#include "bench/failover/failover_json.h"
#include "bench/failover/failover_series.h"
#include "bench/failover/summary.h"
#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/failover_report.h"
#include "cli/failover_view.h"
#include "cli/version.h"
#include "runtime/file/file_system.h"
#include "runtime/native_ports.h"
#include "runtime/process.h"
#include "runtime/terminal.h"

namespace soliton::cli {
namespace {

using bench::FaultKind;

constexpr int kUsualColumns = 80;
// Nobody else can lead what is cut off, so nothing but the end of it lets clients go on.
constexpr Duration kCutFor = milliseconds(2500);

// The words behind `label` in a file of "label : words" lines; empty when there are none.
std::string FieldOf(const FileSystem& files, const std::string& path, std::string_view label) {
  const absl::StatusOr<std::string> text = ReadFile(files, path);
  if (!text.ok()) return "";
  const size_t at = text->find(label);
  if (at == std::string::npos) return "";
  size_t begin = at + label.size();
  while (begin < text->size() &&
         std::string_view(" \t:").find((*text)[begin]) != std::string::npos) {
    ++begin;
  }
  return text->substr(begin, std::min(text->find('\n', begin), text->size()) - begin);
}

std::string Machine(const FileSystem& files) {
  return fmt::format("{} x {}, {} GiB, Linux {}", HardwareConcurrency(),
                     FieldOf(files, "/proc/cpuinfo", "model name"),
                     (PhysicalMemoryBytes() + (int64_t{1} << 29)) >> 30,
                     FieldOf(files, "/proc/sys/kernel/osrelease", ""));
}

absl::StatusOr<std::pair<std::string, std::string>> SplitSetting(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) {
    return absl::InvalidArgumentError(fmt::format("'{}' is not NAME=VALUE", text));
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

class BenchFailoverCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {
        .name = "bench failover",
        .summary = "measure and verify a load while a partition leader is killed",
        .details =
            "Sends records at a steady rate (acks=all; open loop: a record is sent when it is due, "
            "however many wait), breaks a node on the way, mends it, and reads everything back. "
            "For every partition that the node led it tells the time from the last acknowledgement "
            "to the next, and what of it passed until some broker told a difference (detection), "
            "some broker named the new leader (election), that leader knew itself (propagation) "
            "and the client had its next acknowledgement (client). Exit code 8 when an "
            "acknowledged record is lost, with idempotence duplicated or out of order, or when "
            "something does not come back.\n"
            "Nodes of this machine are found with --cluster or --node; others are broken by "
            "--fault-cmd. Works against any cluster that speaks the Kafka protocol.",
        .examples = {
            {"soliton bench failover --fault kill-leader --cluster bench/cluster --runs 10",
             "the local cluster of ./dev cluster up"},
            {"soliton bench failover --fault-cmd 'ssh {host} pkill -9 -f kafka.Kafka' "
             "--recover-cmd 'ssh {host} systemctl start kafka'",
             "any cluster"},
            {"soliton bench failover --from failover.json", "the figures of a run again"}}};
  }

  void Declare(OptionSet& options) override {
    options.BeginGroup("Load");
    options.Value("--topic", "TOPIC", &series_.run.topic,
                  "an existing topic, instead of a new one for every run; every partition gets an "
                  "equal share");
    options.Value("-p,--partitions", "N", &series_.partitions, "partitions of new topics")
        .Range(1, 10'000);
    options
        .Value("-r,--replication-factor", "N", &series_.replication_factor,
               "replicas of new topics")
        .Range(1, 1000);
    options.Value("--rate", "N", &series_.run.records_per_second, "records per second")
        .Range(1, 10'000'000);
    value_size_.bytes = series_.run.value_bytes;
    options.Value("--size", "BYTES", &value_size_, "size of a value");
    options.Choice(
        "--driver", &series_.run.driver.kind,
        {{"soliton", bench::DriverKind::kSoliton}, {"librdkafka", bench::DriverKind::kLibrdkafka}},
        "the client that is measured");
    options.Choice("--idempotence", &series_.run.driver.idempotence, {{"on", true}, {"off", false}},
                   "whether retries may not repeat or overtake (default on)");
    options.Value("-X", "NAME=VALUE", &settings_,
                  "a setting of librdkafka, beyond its defaults; may be given several times");

    options.BeginGroup("Fault");
    options.Choice("--fault", &series_.run.fault, bench::FaultKinds(), "what is done");
    options.Value("--cluster", "COMMAND", &series_.run.nodes.cluster_command,
                  "a script that knows the nodes: COMMAND pids, COMMAND start N");
    options.Value("--node", "ID=PID", &nodes_,
                  "the process of a node on this machine; may be given several times");
    options.Value("--victim", "ID", &victim_, "the node to break, instead of choosing one")
        .Range(0, INT32_MAX);
    options.Value("--fault-cmd", "COMMAND", &series_.run.nodes.fault_command,
                  "shell command that breaks node {node} at {host}:{port}");
    options.Value("--recover-cmd", "COMMAND", &series_.run.nodes.recover_command,
                  "shell command that starts it again and returns when it serves");

    options.Value("--proxy", "ID=HOST:PORT=HOST:PORT", &proxies_,
                  "for cut-link: listen in the place that node ID advertises, and pass on to where "
                  "it listens; for every node");

    options.BeginGroup("Course");
    options.Value("--runs", "N", &series_.runs, "how often").Range(1, 10'000);
    options.Value("--warm-up", "DURATION", &series_.run.warm_up, "not measured");
    options
        .Value("--fault-at", "DURATION", &series_.run.fault_at,
               "when to break, from the first record; several runs vary it by a second")
        .ShowDefault("2s");
    options.Value("--recover-at", "DURATION", &recover_at_,
                  "when to mend (default: when all partitions have been written for --settle; "
                  "cut-link: after 2.5 s)");
    options.Value("--time", "DURATION", &duration_,
                  "how long to send (default: until --settle after everything is in sync)");
    options.Value("--settle", "DURATION", &series_.run.settle, "see above");

    options.BeginGroup("Figures");
    options.Value("--json", "FILE", &json_file_, "write the raw figures");
    options.Value("--report", "FILE", &report_file_,
                  "write a report (.html, with the chart beside it) or the chart alone (.svg)");
    options.Value("--from", "FILE", &from_file_, "show the figures of an earlier run instead");
    options.Value("--label", "TEXT", &label_, "what this cluster is, for reports");
    AddConnectionOptions(options, &connection_);
  }

  ExitCode Run(Context& context, const OptionSet& given) override {
    NativePorts native({.shard_count = 1, .disk_thread_count = 1});
    if (!from_file_.empty()) {
      absl::StatusOr<bench::FailoverData> data = ReadMeasurement(*native.ports().files, from_file_);
      if (!data.ok()) {
        return context.Fail(ErrorFromStatus("cannot use " + from_file_, data.status()));
      }
      if (!label_.empty()) data->setup.label = label_;
      return Report(context, native, *data);
    }
    if (const std::optional<CliError> wrong = Complete(context, given)) {
      return context.Fail(*wrong);
    }
    FailoverView view(context.err, context.UseColor(context.err), [] {
      const auto size = SizeOfTerminal(StandardStream::kErr);
      return size && size->columns > 0 ? size->columns : kUsualColumns;
    });
    bench::FailoverSeries series(
        native.ports(), native.ports().shards->shard(0), series_, Setup(native.ports()),
        {.run = {.on_progress =
                     [&](const bench::FailoverProgress& progress) { view.OnProgress(progress); },
                 .on_event = [&](Duration elapsed,
                                 const std::string& text) { view.OnEvent(elapsed, text); }},
         .on_run = [&](const bench::RunRecord& run) { view.OnRun(run); }});
    absl::Status status = absl::CancelledError("interrupted");
    std::optional<bench::FailoverData> data;
    native.WatchSignals([&](int) { native.Stop(); });
    native.ports().shards->shard(0).Post([&] {
      series.Start([&](absl::Status ended, bench::FailoverData all) {
        status = std::move(ended);
        data = std::move(all);
        native.Stop();
      });
    });
    native.RunOnCaller();
    view.End();
    if (!data) data = series.data();
    // The runs that were carried out are worth showing, whatever ended them.
    const ExitCode shown = data->runs.empty() ? ExitCode::kOk : Report(context, native, *data);
    if (absl::IsCancelled(status)) return ExitCode::kInterrupted;
    if (!status.ok()) return context.Fail(ErrorFromStatus("the run failed", status));
    return shown;
  }

 private:
  // Checks what was given and completes the options. What is wrong, if something is.
  std::optional<CliError> Complete(Context& context, const OptionSet& given) {
    const auto usage = [](std::string what, std::string hint = "") {
      return CliError{ExitCode::kUsage, std::move(what), "", "", std::move(hint)};
    };
    bench::FailoverOptions& run = series_.run;
    absl::StatusOr<Bootstrap> bootstrap = ResolveBootstrap(connection_, context);
    if (!bootstrap.ok()) return usage(std::string(bootstrap.status().message()));
    run.bootstrap = bootstrap->servers;
    run.value_bytes = value_size_.bytes;
    for (const std::string& setting : settings_) {
      auto pair = SplitSetting(setting);
      if (!pair.ok()) return usage("-X: " + std::string(pair.status().message()));
      run.driver.settings.push_back(*std::move(pair));
    }
    if (!settings_.empty() && run.driver.kind != bench::DriverKind::kLibrdkafka) {
      return usage("-X sets librdkafka's settings", "add --driver librdkafka");
    }
    for (const std::string& node : nodes_) {
      auto pair = SplitSetting(node);
      auto pids = pair.ok() ? bench::ParsePids(pair->first + " " + pair->second)
                            : absl::StatusOr<std::map<int32_t, int>>(pair.status());
      if (!pids.ok()) return usage(fmt::format("--node: '{}' is not ID=PID", node));
      run.nodes.pids.merge(*pids);
    }
    if (!run.nodes.fault_command.empty() && run.fault == FaultKind::kNone) {
      run.fault = FaultKind::kKillLeader;
    }
    for (const std::string& text : proxies_) {
      absl::StatusOr<bench::ProxyRoute> route = bench::ParseProxyRoute(text);
      if (!route.ok()) return usage("--proxy: " + std::string(route.status().message()));
      series_.proxies.push_back(*std::move(route));
    }
    if (run.fault == FaultKind::kCutLink && proxies_.empty()) {
      return usage("--fault cut-link needs the tool between the nodes",
                   "advertise other ports than the nodes listen on, and give --proxy for each");
    }
    const bool knows_nodes = !run.nodes.cluster_command.empty() || !run.nodes.pids.empty() ||
                             !run.nodes.fault_command.empty();
    if (run.fault != FaultKind::kNone && run.fault != FaultKind::kMoveLeader &&
        run.fault != FaultKind::kCutLink && !knows_nodes) {
      return usage(fmt::format("--fault {} needs to know the nodes", bench::FaultName(run.fault)),
                   "--cluster bench/cluster for the cluster of ./dev cluster up, --node ID=PID, or "
                   "--fault-cmd");
    }
    if (run.fault == FaultKind::kNone && knows_nodes) {
      return usage("nothing is to be broken", "add --fault kill-leader");
    }
    if (given.Given("--victim")) run.victim = static_cast<int32_t>(victim_);
    if (given.Given("--recover-at")) run.recover_at = recover_at_;
    if (run.fault == FaultKind::kCutLink && !run.recover_at)
      run.recover_at = run.fault_at + kCutFor;
    if (given.Given("--time")) run.duration = duration_;
    if (series_.runs == 1) run.fault_spread = Duration::zero();
    if (run.duration && run.fault != FaultKind::kNone && *run.duration <= run.fault_at) {
      return usage("--time ends before --fault-at begins");
    }
    if (run.warm_up >= run.fault_at && run.fault != FaultKind::kNone) {
      return usage("--warm-up must be shorter than --fault-at");
    }
    if (run.recover_at && *run.recover_at <= run.fault_at) {
      return usage("--recover-at must be after --fault-at");
    }
    // The latest fault still leaves half of what is between.
    for (const auto& end : {run.recover_at, run.duration}) {
      if (end) run.fault_spread = std::min(run.fault_spread, (*end - run.fault_at) / 2);
    }
    return std::nullopt;
  }

  bench::FailoverSetup Setup(const Ports& ports) const {
    bench::FailoverSetup setup;
    setup.label = label_;
    setup.fault = bench::FaultName(series_.run.fault);
    setup.driver = bench::DriverName(series_.run.driver.kind);
    if (series_.run.driver.kind == bench::DriverKind::kSoliton) {
      setup.driver += fmt::format(" {}", SOLITON_VERSION);
    }
    setup.idempotence = series_.run.driver.idempotence;
    setup.driver_settings = settings_;
    setup.records_per_second = series_.run.records_per_second;
    setup.value_bytes = series_.run.value_bytes;
    const auto now = static_cast<std::time_t>(ports.shards->shard(0).clock().WallMs() / 1000);
    setup.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
    setup.machine = Machine(*ports.files);
    return setup;
  }

  ExitCode Report(Context& context, NativePorts& native, const bench::FailoverData& data) {
    context.out.Write(bench::SummaryText(data));
    if (data.setup.shares_machine && data.setup.machine != "") {
      context.Note("load and brokers shared one machine: " + data.setup.machine);
    }
    FileSystem& files = *native.ports().files;
    if (!json_file_.empty()) {
      absl::Status written = WriteFileAtomically(files, json_file_, bench::ToJson(data));
      if (!written.ok()) {
        return context.Fail(ErrorFromStatus("cannot write " + json_file_, written));
      }
      context.Note(fmt::format("wrote {}; show it again: soliton bench failover --from {}",
                               json_file_, json_file_));
    }
    if (!report_file_.empty()) {
      const absl::StatusOr<std::string> written = WriteReport(files, report_file_, {data});
      if (!written.ok()) {
        return context.Fail(ErrorFromStatus("cannot write the report", written.status()));
      }
      context.Note("wrote " + *written);
    }
    return data.ok() ? ExitCode::kOk : ExitCode::kCheckFailed;
  }

  bench::SeriesOptions series_;
  ByteCount value_size_;
  std::vector<std::string> settings_;
  std::vector<std::string> nodes_;
  int64_t victim_ = -1;
  Duration recover_at_{};
  Duration duration_{};
  std::vector<std::string> proxies_;
  std::string json_file_;
  std::string report_file_;
  std::string from_file_;
  std::string label_;
  ConnectionFlags connection_;
};

}  // namespace

void AddBenchCommands(CommandList& commands) { commands.Add<BenchFailoverCommand>(); }

}  // namespace soliton::cli

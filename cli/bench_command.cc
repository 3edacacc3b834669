// soliton bench failover: a verified open-loop load while a broker is killed and restarted.
#include <fmt/format.h>

#include "bench/failover/failover_run.h"
#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/failover_view.h"
#include "runtime/file/file_system.h"
#include "runtime/native_ports.h"

namespace soliton::cli {
namespace {

class BenchFailoverCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {
        .name = "bench failover",
        .summary = "measure and verify a load while a partition leader is killed",
        .details =
            "Sends records at a steady rate (acks=all, idempotent; open loop: a record is sent "
            "when it is due, "
            "however many wait), runs --fault-cmd and --recover-cmd on the way with {node} "
            "replaced by the id of the "
            "broker that leads most partitions of the topic, then reads everything back. Exit code "
            "8 when an "
            "acknowledged record is lost, duplicated or out of order.\n"
            "The topic must exist and should be empty. Works against any cluster that speaks the "
            "Kafka protocol.",
        .examples = {{"soliton bench failover --topic load --fault-cmd './dev cluster kill {node}' "
                      "--recover-cmd './dev cluster start {node}'",
                      "the local cluster"},
                     {"soliton bench failover --topic load --rate 20000 --time 10s",
                      "only load and verify"}}};
  }

  void Declare(OptionSet& options) override {
    options
        .Value("--topic", "TOPIC", &run_.topic,
               "topic to load; every partition gets an equal share")
        .Required();
    options.Value("--rate", "N", &run_.records_per_second, "records per second")
        .Range(1, 10'000'000);
    value_size_.bytes = run_.value_bytes;
    options.Value("--size", "BYTES", &value_size_, "size of a value");
    options.Value("--time", "DURATION", &run_.duration, "how long to send");
    options.Value("--fault-at", "DURATION", &run_.fault_at,
                  "when to run --fault-cmd, from the first record");
    options.Value("--recover-at", "DURATION", &run_.recover_at, "when to run --recover-cmd");
    options.Value("--fault-cmd", "COMMAND", &run_.fault_command,
                  "shell command that breaks broker {node}");
    options.Value("--recover-cmd", "COMMAND", &run_.recover_command,
                  "shell command that starts it again");
    options.Value("--json", "FILE", &json_file_, "also write the figures as JSON");
    AddConnectionOptions(options, &connection_);
  }

  ExitCode Run(Context& context, const OptionSet&) override {
    absl::StatusOr<Bootstrap> bootstrap = ResolveBootstrap(connection_, context);
    if (!bootstrap.ok()) {
      return context.Fail({ExitCode::kUsage, std::string(bootstrap.status().message())});
    }
    run_.bootstrap = bootstrap->servers;
    run_.value_bytes = value_size_.bytes;
    NativePorts native({.shard_count = 1, .disk_thread_count = 1});
    Shard& shard = native.ports().shards->shard(0);
    FailoverView view(context.err, context.UseColor(context.err));
    bench::FailoverRun run(
        native.ports(), shard, run_,
        {.on_progress = [&](const bench::FailoverProgress& progress) { view.OnProgress(progress); },
         .on_event = [&](Duration elapsed,
                         const std::string& text) { view.OnEvent(elapsed, text); }});
    absl::StatusOr<bench::FailoverReport> report = absl::CancelledError("interrupted");
    native.WatchSignals([&](int) { native.Stop(); });
    shard.Post([&] {
      run.Start([&](absl::StatusOr<bench::FailoverReport> result) {
        report = std::move(result);
        native.Stop();
      });
    });
    native.RunOnCaller();
    view.End();
    if (absl::IsCancelled(report.status())) return ExitCode::kInterrupted;
    if (!report.ok()) return context.Fail(ErrorFromStatus("the run failed", report.status()));
    context.out.Write(report->ToText());
    if (!json_file_.empty()) {
      absl::Status written =
          WriteFileAtomically(*native.ports().files, json_file_, report->ToJson());
      if (!written.ok())
        return context.Fail(ErrorFromStatus("cannot write " + json_file_, written));
    }
    return report->ok() ? ExitCode::kOk : ExitCode::kCheckFailed;
  }

 private:
  bench::FailoverOptions run_;
  ByteCount value_size_;
  std::string json_file_;
  ConnectionFlags connection_;
};

}  // namespace

void AddBenchCommands(CommandList& commands) { commands.Add<BenchFailoverCommand>(); }

}  // namespace soliton::cli

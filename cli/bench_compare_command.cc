// soliton bench compare: several measurements of bench failover side by side.
#include <fmt/format.h>

#include "bench/failover/chart.h"
#include "bench/failover/failover_json.h"
#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/failover_report.h"
#include "runtime/native_ports.h"

namespace soliton::cli {
namespace {

class BenchCompareCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "bench compare",
            .summary = "put measurements of bench failover side by side",
            .details =
                "Reads what bench failover --json wrote. Figures are median / p95 / worst. The "
                "chart has one panel for each, with the same time axis.",
            .examples = {{"soliton bench compare ours.json kafka.json --report both.svg", ""}}};
  }

  void Declare(OptionSet& options) override {
    options.Positional("FILE", &files_, "what bench failover --json wrote; two or more").Required();
    options.Value("--report", "FILE", &report_, "also write a chart (.svg) or a report (.html)");
  }

  ExitCode Run(Context& context, const OptionSet&) override {
    if (files_.size() < 2) {
      return context.Fail({ExitCode::kUsage, "give two files or more"});
    }
    NativePorts native({.shard_count = 1, .disk_thread_count = 1});
    FileSystem& files = *native.ports().files;
    std::vector<bench::FailoverData> measurements;
    for (const std::string& path : files_) {
      absl::StatusOr<bench::FailoverData> data = ReadMeasurement(files, path);
      if (!data.ok()) return context.Fail(ErrorFromStatus("cannot use " + path, data.status()));
      measurements.push_back(*std::move(data));
    }
    context.out.Write(bench::CompareText(measurements));
    if (report_.empty()) return ExitCode::kOk;
    const absl::StatusOr<std::string> written = WriteReport(files, report_, measurements);
    if (!written.ok()) {
      return context.Fail(ErrorFromStatus("cannot write the report", written.status()));
    }
    context.Note("wrote " + *written);
    return ExitCode::kOk;
  }

 private:
  std::vector<std::string> files_;
  std::string report_;
};

}  // namespace

void AddBenchCompareCommand(CommandList& commands) { commands.Add<BenchCompareCommand>(); }

}  // namespace soliton::cli

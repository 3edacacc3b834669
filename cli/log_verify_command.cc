// soliton log verify: checks the files of a stopped node.
#include <fmt/format.h>

#include "cli/all_commands.h"
#include "cli/command.h"
#include "cli/log_accept_loss_command.h"
#include "cli/log_dump_command.h"
#include "cli/log_path.h"
#include "cli/output.h"
#include "runtime/file/posix_file_system.h"
#include "runtime/process.h"

namespace soliton::cli {
namespace {

using segment::Finding;

std::string StateOf(const std::vector<Finding>& findings) {
  std::string state = "ok";
  for (const Finding& finding : findings) {
    if (finding.kind == Finding::Kind::kDamaged) return "damaged";
    if (finding.kind == Finding::Kind::kTornTail) state = "torn-tail";
  }
  return state;
}

std::vector<std::string> TextsOf(const std::vector<Finding>& findings) {
  std::vector<std::string> texts;
  for (const Finding& finding : findings) texts.push_back(ToText(finding));
  return texts;
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Table ToTable(const segment::DirectoryReport& report, const std::string& path) {
  constexpr auto kRight = Column::Align::kRight;
  Table table("logs", {{"LOG", "log", "string"},
                       {"SEGMENTS", "segments", "int", kRight},
                       {"BATCHES", "batches", "int", kRight},
                       {"RECORDS", "records", "int", kRight},
                       {"SIZE", "bytes", "int", kRight},
                       {"START", "log_start_offset", "int", kRight},
                       {"END", "log_end_offset", "int", kRight},
                       {"DURABLE", "durable_end_offset", "int", kRight, true},
                       {"STATE", "state", "string"},
                       {"FINDINGS", "findings", "string[]", Column::Align::kLeft, true}});
  if (!report.findings.empty()) {
    table.AddRow({path,
                  {},
                  {},
                  {},
                  {},
                  {},
                  {},
                  {},
                  StateOf(report.findings),
                  {TextsOf(report.findings), std::to_string(report.findings.size())}});
  }
  for (const segment::LogReport& log : report.logs) {
    table.AddRow({NameOf(log.directory),
                  log.segments,
                  log.batches,
                  log.records,
                  {log.bytes, HumanBytes(log.bytes)},
                  log.log_start_offset,
                  log.log_end_offset,
                  log.durable_end_offset,
                  StateOf(log.findings),
                  {TextsOf(log.findings), std::to_string(log.findings.size())}});
  }
  return table;
}

class LogVerifyCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "log verify",
            .summary = "check the files of a stopped node; exit code 9 when they are damaged",
            .details =
                "Reads every batch: CRC, offsets, leader epochs; and what is derived from them: "
                "offset and time index, epoch checkpoint, producer snapshots, recovery point, high "
                "watermarks. Never writes. \"damaged\" is what was promised to be on disk and is "
                "not; a \"torn-tail\" was never acknowledged as flushed, and the next start cuts "
                "it; a \"note\" is put right by the next start.",
            .examples = {{"soliton log verify data/node-1", "all partitions"},
                         {"soliton log verify data/node-1/orders-0 -o json", ""}}};
  }

  void Declare(OptionSet& options) override {
    flags_.Declare(options);
    AddOutputOption(options, &format_);
  }

  ExitCode Run(Context& context, const OptionSet&) override {
    if (format_ == OutputFormat::kHelp) {
      context.out.Write(ToTable({}, "").Render(format_));
      return ExitCode::kOk;
    }
    PosixFileSystem fs;
    LogPath target;
    if (auto error = OpenLogPath(flags_, fs, &target)) return context.Fail(*error);
    const Stopwatch watch;
    const auto report = Verify(fs, target);
    if (!report.ok()) return context.Fail(ErrorFromStatus("cannot read the log", report.status()));
    Print(*report, target, watch.elapsed(), context);
    return Verdict(*report, context);
  }

 private:
  static absl::StatusOr<segment::DirectoryReport> Verify(FileSystem& fs, const LogPath& target) {
    if (target.kind == segment::LogPathKind::kDataDirectory) {
      return segment::VerifyDirectory(fs, target.path);
    }
    auto log = target.kind == segment::LogPathKind::kPartition
                   ? segment::VerifyLog(fs, target.path)
                   : segment::VerifySegmentFile(fs, target.path);
    if (!log.ok()) return log.status();
    segment::DirectoryReport report;
    report.logs.push_back(*std::move(log));
    return report;
  }

  void Print(const segment::DirectoryReport& report, const LogPath& target, Duration elapsed,
             Context& context) const {
    context.out.Write(ToTable(report, target.path).Render(format_));
    if (format_ == OutputFormat::kTable || format_ == OutputFormat::kWide) {
      const auto print = [&](const std::vector<Finding>& findings) {
        for (const std::string& text : TextsOf(findings)) context.out.Write(text + "\n");
      };
      print(report.findings);
      for (const segment::LogReport& log : report.logs) print(log.findings);
    }
    int64_t bytes = 0;
    for (const segment::LogReport& log : report.logs) bytes += log.bytes;
    const double seconds = std::chrono::duration<double>(elapsed).count();
    context.Note(fmt::format("checked {} in {:.2f} s, {:.0f} MB/s", HumanBytes(bytes), seconds,
                             seconds > 0 ? static_cast<double>(bytes) / 1e6 / seconds : 0));
  }

  static ExitCode Verdict(const segment::DirectoryReport& report, Context& context) {
    const Finding* first = segment::FirstDamage(report.findings);
    size_t damaged_logs = 0;
    for (const segment::LogReport& log : report.logs) {
      const Finding* damage = segment::FirstDamage(log.findings);
      if (damage == nullptr) continue;
      ++damaged_logs;
      if (first == nullptr) first = damage;
    }
    if (first == nullptr) return ExitCode::kOk;
    const std::string what =
        damaged_logs == 0 ? "the data directory is damaged"
                          : fmt::format("{} of {} logs {} damaged", damaged_logs,
                                        report.logs.size(), damaged_logs == 1 ? "is" : "are");
    return context.Fail(DamageError(what, *first));
  }

  LogPathFlags flags_;
  OutputFormat format_ = OutputFormat::kTable;
};

}  // namespace

void AddLogCommands(CommandList& commands) {
  commands.AddMaker(MakeLogDumpCommand);
  commands.AddMaker(MakeLogAcceptLossCommand);
  commands.Add<LogVerifyCommand>();
}

}  // namespace soliton::cli

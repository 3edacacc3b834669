// soliton dev status | stop | kill N | pause N: what to do with a dev cluster that runs in another
// terminal.
#include <fmt/format.h>

#include <csignal>
#include <functional>

#include "cli/client_loop.h"
#include "cli/dev_command.h"
#include "cli/dev_files.h"
#include "cli/output.h"
#include "runtime/child_process.h"
#include "runtime/process.h"

namespace soliton::cli {
namespace {

constexpr Duration kLookInterval = milliseconds(50);
constexpr Duration kStopPatience = seconds(45);  // more than soliton dev takes to kill its nodes

class DevControlCommand : public Command {
 protected:
  // The cluster in the folder, or why there is none.
  std::optional<CliError> Find(DevLayout* layout) const {
    const absl::StatusOr<DevLayout> kept = ReadDevLayout(AbsolutePath(directory_));
    if (kept.ok()) {
      *layout = *kept;
      return std::nullopt;
    }
    if (!absl::IsNotFound(kept.status())) {
      return ErrorFromStatus(fmt::format("cannot read {}", directory_), kept.status());
    }
    return CliError{ExitCode::kNotFound, fmt::format("no dev cluster in {}", directory_),
                    AbsolutePath(directory_), "", "start one with: soliton dev"};
  }

  // A node that runs, and its process.
  std::optional<CliError> FindNode(DevLayout* layout, int* pid) const {
    if (auto error = Find(layout)) return error;
    if (node_ < 1 || node_ > layout->nodes) {
      return CliError{ExitCode::kNotFound, fmt::format("no node {}", node_), layout->directory,
                      layout->nodes == 1 ? "there is node 1 only"
                                         : fmt::format("there are nodes 1 to {}", layout->nodes),
                      "soliton dev status"};
    }
    const std::optional<int> found = DevNodePid(*layout, node_);
    if (!found.has_value()) {
      return CliError{ExitCode::kFailed, fmt::format("node {} does not run", node_),
                      layout->directory, "", "soliton dev status"};
    }
    *pid = *found;
    return std::nullopt;
  }

  void DeclareNode(OptionSet& options) {
    options.Positional("N", &node_, "number of the node").Required();
    AddDevDirectoryOption(options, &directory_);
  }

  int32_t node_ = 0;
  std::string directory_ = std::string(kDevDirectory);
};

class DevStatusCommand final : public DevControlCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "dev status",
            .summary = "the nodes of the dev cluster and their processes",
            .details = "",
            .examples = {{"soliton dev status", ""}, {"soliton dev status -o json", ""}}};
  }
  void Declare(OptionSet& options) override {
    AddOutputOption(options, &format_);
    AddDevDirectoryOption(options, &directory_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    DevLayout layout;
    if (format_ != OutputFormat::kHelp) {
      if (auto error = Find(&layout)) return context.Fail(*error);
    }
    const std::optional<int> supervisor = DevSupervisor(layout);
    Table table("nodes", {{"NODE", "node", "int", Column::Align::kRight},
                          {"KAFKA", "address", "string"},
                          {"PID", "pid", "int", Column::Align::kRight},
                          {"STATE", "state", "string"},
                          {"CONFIG", "config", "string"}});
    table.AddFact("data", "string", layout.directory);
    table.AddFact("supervisor_pid", "int",
                  supervisor.has_value() ? Cell(int64_t{*supervisor}) : Cell());
    for (int node = 1; node <= layout.nodes; ++node) {
      const std::optional<int> pid = DevNodePid(layout, node);
      const char* state = "stopped";
      if (pid.has_value()) state = StateOfProcess(*pid) == 'T' ? "paused" : "running";
      table.AddRow({node, layout.broker(node).ToString(),
                    pid.has_value() ? Cell(int64_t{*pid}) : Cell(), state,
                    layout.config_path(node)});
    }
    context.out.Write(table.Render(format_));
    return ExitCode::kOk;
  }

 private:
  OutputFormat format_ = OutputFormat::kTable;
};

class DevStopCommand final : public DevControlCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "dev stop",
            .summary = "stop the dev cluster; its data stay",
            .details =
                "As Ctrl-C does where it runs. Nodes whose soliton dev was killed are "
                "stopped as well.",
            .examples = {{"soliton dev stop", ""}}};
  }
  void Declare(OptionSet& options) override { AddDevDirectoryOption(options, &directory_); }
  ExitCode Run(Context& context, const OptionSet&) override {
    DevLayout layout;
    if (auto error = Find(&layout)) return context.Fail(*error);
    ClientLoop loop(context, {});
    return loop.Run([this, &loop, layout] {
      bool any = false;
      if (const std::optional<int> supervisor = DevSupervisor(layout)) {
        any = SignalProcess(*supervisor, SIGTERM).ok();
      } else {
        for (int node = 1; node <= layout.nodes; ++node) {
          if (const std::optional<int> pid = DevNodePid(layout, node)) {
            any |= SignalProcess(*pid, SIGTERM).ok() && SignalProcess(*pid, SIGCONT).ok();
          }
        }
      }
      if (!any) {
        loop.context().Note("nothing runs");
        return loop.Finish(ExitCode::kOk);
      }
      deadline_ = loop.shard().clock().Now() + kStopPatience;
      Await(loop, layout);
    });
  }

 private:
  void Await(ClientLoop& loop, const DevLayout& layout) {
    std::string running;
    if (DevSupervisor(layout).has_value()) running = "soliton dev";
    for (int node = 1; node <= layout.nodes; ++node) {
      if (DevNodePid(layout, node).has_value()) {
        running += fmt::format("{}node {}", running.empty() ? "" : ", ", node);
      }
    }
    if (running.empty()) {
      loop.context().Note(fmt::format("stopped; the data stays in {}", layout.directory));
      return loop.Finish(ExitCode::kOk);
    }
    if (loop.shard().clock().Now() > deadline_) {
      return loop.Fail({ExitCode::kTimeout,
                        fmt::format("not stopped after {}", HumanDuration(kStopPatience)),
                        layout.directory, "still there: " + running, "soliton dev status"});
    }
    loop.shard().ScheduleAfter(kLookInterval, [this, &loop, layout] {
      if (!loop.finished()) Await(loop, layout);
    });
  }

  MonotonicTime deadline_{};
};

class DevKillCommand final : public DevControlCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "dev kill",
            .summary = "kill a node of the dev cluster (SIGKILL)",
            .details = "It is started again a little later, as soliton dev --restart-after says.",
            .examples = {{"soliton dev kill 2", ""}}};
  }
  void Declare(OptionSet& options) override { DeclareNode(options); }
  ExitCode Run(Context& context, const OptionSet&) override {
    DevLayout layout;
    int pid = 0;
    if (auto error = FindNode(&layout, &pid)) return context.Fail(*error);
    if (const absl::Status sent = SignalProcess(pid, SIGKILL); !sent.ok()) {
      return context.Fail(ErrorFromStatus(fmt::format("cannot kill node {}", node_), sent));
    }
    context.Note(
        fmt::format("killed node {}, process {}{}", node_, pid,
                    DevSupervisor(layout).has_value() ? "; soliton dev starts it again" : ""));
    return ExitCode::kOk;
  }
};

class DevPauseCommand final : public DevControlCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "dev pause",
            .summary = "freeze a node of the dev cluster for a while (SIGSTOP, SIGCONT)",
            .details =
                "A frozen node keeps its connections and answers nothing: the slow kind of "
                "failure. Ctrl-C lets it go on at once.",
            .examples = {{"soliton dev pause 2", ""}, {"soliton dev pause 2 --for 30s", ""}}};
  }
  void Declare(OptionSet& options) override {
    DeclareNode(options);
    options.Value("--for", "DURATION", &how_long_, "how long").ShowDefault("5s");
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    DevLayout layout;
    int pid = 0;
    if (auto error = FindNode(&layout, &pid)) return context.Fail(*error);
    if (const absl::Status sent = SignalProcess(pid, SIGSTOP); !sent.ok()) {
      return context.Fail(ErrorFromStatus(fmt::format("cannot pause node {}", node_), sent));
    }
    context.Note(
        fmt::format("node {}, process {}, is frozen for {}", node_, pid, HumanDuration(how_long_)));
    ClientLoop loop(context, {});
    const ExitCode code = loop.Run([this, &loop] {
      loop.OnInterrupt([&loop] { loop.Finish(ExitCode::kInterrupted); });
      loop.shard().ScheduleAfter(how_long_, [&loop] { loop.Finish(ExitCode::kOk); });
    });
    if (const absl::Status sent = SignalProcess(pid, SIGCONT); !sent.ok()) {
      return context.Fail(ErrorFromStatus(fmt::format("node {} has ended meanwhile", node_), sent));
    }
    context.Note(fmt::format("node {} goes on", node_));
    return code;
  }

 private:
  Duration how_long_ = seconds(5);
};

}  // namespace

std::unique_ptr<Command> MakeDevStatusCommand() { return std::make_unique<DevStatusCommand>(); }
std::unique_ptr<Command> MakeDevStopCommand() { return std::make_unique<DevStopCommand>(); }
std::unique_ptr<Command> MakeDevKillCommand() { return std::make_unique<DevKillCommand>(); }
std::unique_ptr<Command> MakeDevPauseCommand() { return std::make_unique<DevPauseCommand>(); }

}  // namespace soliton::cli

// soliton dev: a cluster on this machine, its nodes as child processes.
#include "cli/dev_command.h"

#include <fmt/format.h>

#include "cli/all_commands.h"
#include "cli/dev_files.h"
#include "cli/dev_run.h"
#include "runtime/child_process.h"

namespace soliton::cli {
namespace {

constexpr int kLastPort = 65535 - kDevControllerDistance - kMostDevNodes;

class DevCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {
        .name = "dev",
        .summary = "run a cluster on this machine: nodes as processes, real files, real fsync",
        .details =
            "Each node is a `soliton broker` with a configuration file that is written at every "
            "start. Data stay where they are; what ends is started again. Meanwhile, in another "
            "terminal: soliton dev status, kill N, pause N, stop.",
        .examples = {{"soliton dev", "one node, broker and controller"},
                     {"soliton dev --nodes 3", "three nodes, replicated"},
                     {"soliton dev --nodes 3 --kill-leader-every 10s", "watch it survive"}}};
  }
  void Declare(OptionSet& options) override {
    options
        .Value("-n,--nodes", "N", &nodes_,
               "1 to 5 nodes; those up to an odd number are controllers too")
        .Range(1, kMostDevNodes)
        .ShowDefault("1, or what the data are of");
    options
        .Value("-p,--port", "PORT", &port_,
               fmt::format("of the first broker; the others follow, controllers {} higher",
                           kDevControllerDistance))
        .Range(1, kLastPort)
        .ShowDefault("9092, or as last time");
    AddDevDirectoryOption(options, &directory_);
    options.Value("--kill-leader-every", "DURATION", &kill_leader_every_,
                  "kill the node that leads most, again and again");
    options.Value("--restart-after", "DURATION", &restart_after_, "start again what has ended")
        .ShowDefault("3s");
  }

  ExitCode Run(Context& context, const OptionSet& options) override {
    DevLayout layout;
    if (auto error = ChooseLayout(options, &layout)) return context.Fail(*error);
    const absl::StatusOr<std::unique_ptr<FileLock>> lock = LockDevDirectory(layout);
    if (!lock.ok()) return context.Fail(CannotLock(layout, lock.status()));
    if (auto error = CheckFree(layout)) return context.Fail(*error);
    if (const absl::Status written = WriteDevFiles(layout); !written.ok()) {
      return context.Fail(ErrorFromStatus("cannot write the cluster's files", written));
    }
    Bootstrap bootstrap{{}, layout.bootstrap(), "soliton dev"};
    for (int node = 1; node <= layout.nodes; ++node) {
      bootstrap.servers.push_back(layout.broker(node));
    }
    ClientLoop loop(context, std::move(bootstrap));
    DevRun run(loop, layout,
               {.again = "soliton dev" + DataFlag(),
                .restart_after = restart_after_,
                .kill_leader_every = kill_leader_every_});
    return loop.Run([&run] { run.Start(); });
  }

 private:
  std::string DataFlag() const {
    return directory_ == kDevDirectory ? "" : " --data " + directory_;
  }

  // What the folder holds, and what the options want of it.
  std::optional<CliError> ChooseLayout(const OptionSet& options, DevLayout* layout) const {
    const std::string directory = AbsolutePath(directory_);
    const absl::StatusOr<DevLayout> kept = ReadDevLayout(directory);
    if (kept.ok()) {
      *layout = *kept;
    } else if (absl::IsNotFound(kept.status())) {
      layout->directory = directory;
    } else {
      return ErrorFromStatus(fmt::format("cannot read {}", directory_), kept.status());
    }
    if (options.Given("--port")) layout->port = port_;
    if (options.Given("--nodes")) {
      if (kept.ok() && kept->nodes != nodes_) {
        return CliError{
            ExitCode::kUsage,
            fmt::format("{} holds a cluster of {}, not of {}: data and voters belong together",
                        directory_, kept->nodes, nodes_),
            directory, "",
            fmt::format("start it without --nodes, choose another folder with --data, or remove "
                        "{} and begin anew",
                        directory_)};
      }
      layout->nodes = nodes_;
    }
    return std::nullopt;
  }

  CliError CannotLock(const DevLayout& layout, const absl::Status& why) const {
    CliError error = ErrorFromStatus("cannot take the data folder", why);
    error.at = layout.directory;
    if (absl::IsFailedPrecondition(why)) {
      error.what = "this cluster runs already";
      error.hint = fmt::format("soliton dev status{0}; soliton dev stop{0}", DataFlag());
    }
    return error;
  }

  std::optional<CliError> CheckFree(const DevLayout& layout) const {
    for (int node = 1; node <= layout.nodes; ++node) {
      const std::optional<int> pid = DevNodePid(layout, node);
      if (!pid.has_value()) continue;
      return CliError{ExitCode::kFailed,
                      fmt::format("node {} still runs, process {}: its soliton dev has ended "
                                  "without stopping it",
                                  node, *pid),
                      layout.directory, "", "soliton dev stop" + DataFlag()};
    }
    const std::string taken = TakenPorts(layout);
    if (taken.empty()) return std::nullopt;
    return CliError{ExitCode::kFailed, "ports are taken", "", taken,
                    fmt::format("other ports: soliton dev --port {}{}",
                                layout.port < 20000 ? layout.port + 10000 : 19092, DataFlag())};
  }

  int32_t nodes_ = 1;
  int32_t port_ = 9092;
  std::string directory_ = std::string(kDevDirectory);
  Duration kill_leader_every_ = Duration::zero();
  Duration restart_after_ = seconds(3);
};

}  // namespace

void AddDevDirectoryOption(OptionSet& options, std::string* target) {
  options.Value("-d,--data", "DIR", target, "folder of the cluster's data and files")
      .ShowDefault(std::string(kDevDirectory));
}

std::unique_ptr<Command> MakeDevCommand() { return std::make_unique<DevCommand>(); }

void AddDevCommands(CommandList& commands) {
  commands.AddMaker(MakeDevCommand);
  commands.AddMaker(MakeDevStatusCommand);
  commands.AddMaker(MakeDevStopCommand);
  commands.AddMaker(MakeDevKillCommand);
  commands.AddMaker(MakeDevPauseCommand);
}

}  // namespace soliton::cli

#include "bench/failover/node_control.h"

#include <fmt/format.h>

#include <charconv>
#include <csignal>

#include "runtime/process.h"

namespace soliton::bench {
namespace {

constexpr Duration kExitPoll = milliseconds(10);
constexpr Duration kExitPatience = seconds(60);

void ReplaceAll(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

absl::Status Failed(const std::string& command, const absl::StatusOr<CommandOutput>& result) {
  if (!result.ok()) return result.status();
  return absl::AbortedError(
      fmt::format("'{}' failed with exit code {}", command, result->exit_code));
}

}  // namespace

absl::StatusOr<std::map<int32_t, int>> ParsePids(const std::string& text) {
  std::map<int32_t, int> pids;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    if (line.empty()) continue;
    int32_t node = -1;
    int pid = 0;
    const char* last = line.data() + line.size();
    const auto [blank, no_node] = std::from_chars(line.data(), last, node);
    bool good = no_node == std::errc() && blank != last && *blank == ' ';
    if (good) {
      const auto [rest, no_pid] = std::from_chars(blank + 1, last, pid);
      good = no_pid == std::errc() && (rest == last || *rest == ' ') && node >= 0 && pid > 0;
    }
    if (!good) return absl::InvalidArgumentError(fmt::format("'{}' is not 'NODE PID ...'", line));
    pids[node] = pid;
  }
  return pids;
}

std::string FillCommand(std::string command, int32_t node, const Endpoint& address) {
  ReplaceAll(command, "{node}", std::to_string(node));
  ReplaceAll(command, "{host}", address.host);
  ReplaceAll(command, "{port}", std::to_string(address.port));
  return command;
}

NodeControl::~NodeControl() {
  for (const auto& [node, pid] : stopped_) SignalProcess(pid, SIGCONT).IgnoreError();
}

void NodeControl::Refresh(Done done) {
  pids_ = options_.pids;
  if (options_.cluster_command.empty()) {
    return shard_.Post(
        lifetime_.Wrap([done = std::move(done)]() mutable { done(absl::OkStatus()); }));
  }
  const std::string command = options_.cluster_command + " pids";
  auto result = std::make_shared<absl::StatusOr<CommandOutput>>();
  ports_.disk->Submit(
      0, shard_, [result, command] { *result = RunCommandForOutput(command); },
      lifetime_.Wrap([this, result, command, done = std::move(done)]() mutable {
        if (!result->ok() || (*result)->exit_code != 0) return done(Failed(command, *result));
        absl::StatusOr<std::map<int32_t, int>> pids = ParsePids((*result)->text);
        if (!pids.ok()) {
          return done(absl::InvalidArgumentError(
              fmt::format("'{}': {}", command, std::string(pids.status().message()))));
        }
        pids_ = *std::move(pids);
        done(absl::OkStatus());
      }));
}

absl::Status NodeControl::Signal(int32_t node, int signal) {
  const auto pid = pids_.find(node);
  if (pid == pids_.end()) {
    return absl::FailedPreconditionError(
        fmt::format("the process of node {} is not known: give --node {}=PID, --cluster COMMAND or "
                    "--fault-cmd",
                    node, node));
  }
  absl::Status sent = SignalProcess(pid->second, signal);
  if (!sent.ok()) return sent;
  if (signal == SIGSTOP) stopped_[node] = pid->second;
  if (signal == SIGCONT) stopped_.erase(node);
  return absl::OkStatus();
}

void NodeControl::AwaitExit(int32_t node, Done done) {
  const auto pid = pids_.find(node);
  if (pid == pids_.end()) {
    return shard_.Post(
        lifetime_.Wrap([done = std::move(done)]() mutable { done(absl::OkStatus()); }));
  }
  AwaitExitUntil(pid->second, shard_.clock().Now() + kExitPatience, std::move(done));
}

void NodeControl::AwaitExitUntil(int pid, MonotonicTime deadline, Done done) {
  shard_.ScheduleAfter(
      kExitPoll, lifetime_.Wrap([this, pid, deadline, done = std::move(done)]() mutable {
        if (absl::IsNotFound(SignalProcess(pid, 0))) return done(absl::OkStatus());
        if (shard_.clock().Now() >= deadline) {
          return done(absl::DeadlineExceededError(fmt::format("process {} does not end", pid)));
        }
        AwaitExitUntil(pid, deadline, std::move(done));
      }));
}

void NodeControl::Start(int32_t node, const Endpoint& address, Done done) {
  if (mends_by_command()) {
    return Run(FillCommand(options_.recover_command, node, address), std::move(done));
  }
  if (options_.cluster_command.empty()) {
    return shard_.Post(lifetime_.Wrap([done = std::move(done)]() mutable {
      done(absl::FailedPreconditionError(
          "nobody says how to start a node: give --cluster COMMAND or --recover-cmd"));
    }));
  }
  Run(fmt::format("{} start {}", options_.cluster_command, node), std::move(done));
}

void NodeControl::Break(int32_t node, const Endpoint& address, Done done) {
  Run(FillCommand(options_.fault_command, node, address), std::move(done));
}

void NodeControl::Run(const std::string& command, Done done) {
  auto result = std::make_shared<absl::StatusOr<CommandOutput>>();
  ports_.disk->Submit(
      0, shard_,
      [result, command] {
        const absl::StatusOr<int> exit_code = RunCommand(command);
        if (!exit_code.ok()) {
          *result = exit_code.status();
        } else {
          *result = CommandOutput{*exit_code, ""};
        }
      },
      lifetime_.Wrap([result, command, done = std::move(done)]() mutable {
        done(result->ok() && (*result)->exit_code == 0 ? absl::OkStatus()
                                                       : Failed(command, *result));
      }));
}

}  // namespace soliton::bench

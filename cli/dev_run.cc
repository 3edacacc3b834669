#include "cli/dev_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "cli/cluster_reader.h"
#include "cli/dev_files.h"
#include "cli/output.h"
#include "cli/version.h"
#include "runtime/child_process.h"
#include "runtime/process.h"

namespace soliton::cli {
namespace {

constexpr Duration kWatchInterval = milliseconds(20);
constexpr Duration kStartPatience = seconds(60);
constexpr Duration kStopPatience = seconds(30);
constexpr int kMostFailedStarts = 3;
constexpr size_t kLinesShown = 6;

std::string Milliseconds(Duration duration) {
  return fmt::format("{:.1f} ms", std::chrono::duration<double, std::milli>(duration).count());
}

}  // namespace

DevRun::DevRun(ClientLoop& loop, DevLayout layout, DevRunOptions options)
    : loop_(loop), layout_(std::move(layout)), options_(std::move(options)) {
  for (int number = 1; number <= layout_.nodes; ++number) nodes_.push_back({.number = number});
}

DevRun::~DevRun() {
  for (const Node& node : nodes_) {
    if (node.pid.has_value()) SignalProcess(*node.pid, SIGKILL).IgnoreError();  // gone: as wanted
  }
}

void DevRun::Start() {
  started_at_ = loop_.shard().clock().Now();
  loop_.OnInterrupt([this] { Stop(); });
  for (Node& node : nodes_) Launch(node);
  Watch();
}

void DevRun::Launch(Node& node) {
  if (loop_.finished() || stopping_) return;
  node.ready = false;
  node.output_from = DevNodeOutputBytes(layout_, node.number);
  const absl::StatusOr<std::string> program = OwnExecutable();
  if (!program.ok()) return Abandon(node, std::string(program.status().message()));
  const absl::StatusOr<int> pid =
      SpawnProcess({*program, "broker", "--config", layout_.config_path(node.number)},
                   layout_.log_path(node.number));
  if (!pid.ok()) return Abandon(node, std::string(pid.status().message()));
  node.pid = *pid;
  if (const absl::Status kept = WriteDevNodePid(layout_, node.number, *pid); !kept.ok()) {
    Abandon(node, std::string(kept.message()));
  }
}

void DevRun::Watch() {
  if (loop_.finished()) return;
  for (Node& node : nodes_) {
    if (!node.pid.has_value()) continue;
    if (const std::optional<ProcessEnd> end = ReapProcess(*node.pid)) {
      node.pid.reset();
      OnEnded(node, end->ToString());
    } else if (!node.ready &&
               DevNodeOutput(layout_, node.number, node.output_from).find(" ready in ") !=
                   std::string::npos) {
      OnReady(node);
    }
  }
  const MonotonicTime now = loop_.shard().clock().Now();
  const bool any = std::any_of(nodes_.begin(), nodes_.end(),
                               [](const Node& node) { return node.pid.has_value(); });
  if (stopping_ && !any && !loop_.finished()) {
    loop_.context().Note(fmt::format("stopped; the data stays in {}; again with: {}",
                                     layout_.directory, options_.again));
    return loop_.Finish(killed_ ? ExitCode::kFailed : ExitCode::kOk);
  }
  if (stopping_ && now > stop_deadline_ && !std::exchange(killed_, true)) {
    loop_.context().Note(
        fmt::format("not stopped after {}: killing", HumanDuration(kStopPatience)));
    for (const Node& node : nodes_) {
      if (node.pid.has_value()) SignalProcess(*node.pid, SIGKILL).IgnoreError();
    }
  }
  if (!announced_ && !stopping_ && now > started_at_ + kStartPatience) {
    for (const Node& node : nodes_) {
      if (!node.ready) {
        return Abandon(node, fmt::format("is not ready after {}", HumanDuration(kStartPatience)));
      }
    }
  }
  loop_.shard().ScheduleAfter(kWatchInterval, [this] { Watch(); });
}

void DevRun::OnReady(Node& node) {
  node.ready = true;
  node.failed_starts = 0;
  if (announced_) {
    loop_.context().Note(fmt::format("node {} serves again, pid {}", node.number, *node.pid));
    return;
  }
  const bool all =
      std::all_of(nodes_.begin(), nodes_.end(), [](const Node& each) { return each.ready; });
  if (all && !std::exchange(proving_, true)) ProveThatItServes();
}

void DevRun::OnEnded(Node& node, const std::string& how) {
  if (stopping_ || loop_.finished()) return;
  if (!node.ready) {
    if (!announced_ || ++node.failed_starts >= kMostFailedStarts) return Abandon(node, how);
  }
  loop_.context().Note(fmt::format("node {} {}; starts again in {}", node.number, how,
                                   HumanDuration(options_.restart_after)));
  loop_.shard().ScheduleAfter(options_.restart_after, [this, &node] { Launch(node); });
}

std::string DevRun::LastLines(const Node& node) const {
  const std::string text = DevNodeOutput(layout_, node.number, node.output_from);
  size_t begin = text.size();
  for (size_t lines = 0; begin > 0 && lines <= kLinesShown; ++lines) {
    const size_t before = begin < 2 ? std::string::npos : text.rfind('\n', begin - 2);
    begin = before == std::string::npos ? 0 : before + 1;
  }
  return text.substr(begin);
}

void DevRun::Abandon(const Node& node, const std::string& how) {
  if (loop_.finished()) return;
  loop_.context().err.Write(LastLines(node));
  loop_.Fail({ExitCode::kFailed, fmt::format("node {} {}", node.number, how),
              layout_.log_path(node.number), "",
              fmt::format("its settings are in {}; check them with: soliton config check {}",
                          layout_.config_path(node.number), layout_.config_path(node.number))});
}

void DevRun::ProveThatItServes() {
  cluster_ = &loop_.Keep(std::make_unique<kafka::ClusterClient>(
      loop_.shard(), *loop_.ports().transport, DefaultClusterOptions(loop_.bootstrap())));
  round_trip_ = std::make_unique<RoundTrip>(
      loop_, *cluster_, static_cast<int16_t>(layout_.replication_factor()),
      [this](const absl::StatusOr<Duration>& took) {
        if (!took.ok()) {
          return loop_.Fail(ErrorFromStatus("the cluster runs, but a record did not get through it",
                                            took.status()));
        }
        ReadQuorum(*cluster_, [this, took](const absl::StatusOr<QuorumView>& quorum) {
          const int32_t leader = quorum.ok() ? quorum->leader_id : -1;
          Context& context = loop_.context();
          context.Note(fmt::format("soliton {}  dev cluster, {}, data {} (kept on exit)", kVersion,
                                   Counted(layout_.nodes, "node"), layout_.directory));
          for (const Node& node : nodes_) {
            context.Note(fmt::format("  node {}  kafka {}  pid {}  {}{}", node.number,
                                     layout_.broker(node.number).ToString(), node.pid.value_or(0),
                                     layout_.config_path(node.number),
                                     node.number == leader ? "  leader of metadata quorum" : ""));
          }
          Announce(took);
        });
      });
  round_trip_->Start();
}

void DevRun::Announce(const absl::StatusOr<Duration>& round_trip) {
  Context& context = loop_.context();
  announced_ = true;
  const std::string place = FileSystemOf(layout_.directory);
  context.Note(fmt::format("ready in {}  (write + read round trip on {}: {}, fsync on{}{})",
                           Milliseconds(loop_.shard().clock().Now() - started_at_),
                           Counted(layout_.replication_factor(), "replica"),
                           Milliseconds(*round_trip), place.empty() ? "" : ": ", place));
  context.Note("dev mode differs from the defaults in:");
  for (const std::string& line : DevDifferences(layout_)) context.Note("  " + line);
  const std::string brokers =
      layout_.port == 9092 ? "" : fmt::format(" -b {}", layout_.broker(1).ToString());
  context.Note(fmt::format("try   echo hello | soliton produce greetings{}", brokers));
  context.Note(fmt::format("      soliton consume greetings --from start{}", brokers));
  if (layout_.nodes > 1) context.Note("      soliton dev kill 1, soliton dev pause 1");
  context.Note("Ctrl-C stops it");
  if (options_.kill_leader_every > Duration::zero()) ScheduleKill();
}

void DevRun::ScheduleKill() {
  loop_.shard().ScheduleAfter(options_.kill_leader_every, [this] {
    if (stopping_ || loop_.finished()) return;
    ReadCluster(*cluster_, {}, [this](const absl::StatusOr<ClusterView>& view) {
      if (stopping_ || loop_.finished()) return;
      KillLeader(view);
      ScheduleKill();
    });
  });
}

void DevRun::KillLeader(const absl::StatusOr<ClusterView>& view) {
  Context& context = loop_.context();
  if (!view.ok()) {
    return context.Note(fmt::format("no leader killed: {}", std::string(view.status().message())));
  }
  if (const std::vector<Problem> problems = FindProblems(*view); !problems.empty()) {
    return context.Note(fmt::format("no leader killed, the last one is not over: {}: {}",
                                    problems[0].where, problems[0].what));
  }
  const NodeView* victim = nullptr;
  int number = 0;
  for (const auto& [node_id, node] : view->nodes) {
    const auto rank = [](const NodeView& each) { return std::pair(each.leads, each.leads_quorum); };
    if (victim != nullptr && rank(node) <= rank(*victim)) continue;
    victim = &node;
    number = node_id;
  }
  if (number < 1 || number > layout_.nodes) return;
  const Node& node = nodes_[static_cast<size_t>(number - 1)];
  if (!node.pid.has_value()) return;
  context.Note(fmt::format("killing node {}, leader of {} of {}{}", number, victim->leads,
                           Counted(static_cast<int64_t>(view->partitions.size()), "partition"),
                           victim->leads_quorum ? " and of the metadata quorum" : ""));
  if (const absl::Status sent = SignalProcess(*node.pid, SIGKILL); !sent.ok()) {
    context.Note(std::string(sent.message()));
  }
}

void DevRun::Stop() {
  stopping_ = true;
  stop_deadline_ = loop_.shard().clock().Now() + kStopPatience;
  loop_.context().Note("stopping: nodes hand over and flush (again to end at once)");
  for (const Node& node : nodes_) {
    if (!node.pid.has_value()) continue;
    // It may have ended a moment ago, which the next look will tell. A paused one hears nothing.
    SignalProcess(*node.pid, SIGTERM).IgnoreError();
    SignalProcess(*node.pid, SIGCONT).IgnoreError();
  }
}

}  // namespace soliton::cli

// soliton cluster events: what happens to the cluster, as it happens.
#include <fmt/format.h>

#include <algorithm>

#include "cli/cluster_command.h"
#include "cli/cluster_events.h"
#include "cli/cluster_reader.h"
#include "cli/record_format.h"

namespace soliton::cli {
namespace {

constexpr Duration kLookInterval = milliseconds(100);
constexpr Duration kLongestPause = seconds(1);
constexpr Duration kQuorumPatience = milliseconds(500);

class ClusterEventsCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "cluster events",
            .summary = "what happens to the cluster: leaders, nodes, replicas in sync",
            .details =
                "Looks at the cluster ten times a second and tells what has changed since. A "
                "cluster keeps no list of what was before. Times are this machine's.",
            .examples = {{"soliton cluster events --follow", "until Ctrl-C"},
                         {"soliton cluster events --for 30s -o jsonl", "a line of JSON each"}}};
  }
  void Declare(OptionSet& options) override {
    options.Flag("-f,--follow", &follow_, "until interrupted");
    options.Value("--for", "DURATION", &how_long_, "for so long");
    options
        .Choice("-o,--output", &json_, {{"table", false}, {"jsonl", true}},
                "lines for people, or objects with time_ms, event, where, what, node, partitions")
        .ShowDefault("table");
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (!follow_ && how_long_ == Duration::zero()) {
      return context.Fail({ExitCode::kUsage, "how long? --follow, or --for DURATION", "", "",
                           "soliton cluster events --follow"});
    }
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      loop.OnInterrupt([&loop] { loop.Finish(ExitCode::kInterrupted); });
      quorum_ = &loop.Keep(std::make_unique<kafka::ClusterClient>(
          loop.shard(), *loop.ports().transport, DefaultClusterOptions(loop.bootstrap())));
      if (!follow_) {
        loop.shard().ScheduleAfter(how_long_, [&loop] { loop.Finish(ExitCode::kOk); });
      }
      Look(loop, cluster);
    });
  }

 private:
  void Look(ClientLoop& loop, kafka::ClusterClient& cluster) {
    ReadCluster(cluster, {.quorum_timeout = kQuorumPatience, .quorum_client = quorum_},
                [this, &loop, &cluster](absl::StatusOr<ClusterView> view) {
                  if (loop.finished()) return;
                  if (view.ok()) {
                    Compare(loop, *std::move(view));
                  } else {
                    NoAnswer(loop, view.status());
                  }
                  if (!loop.context().out.ok()) return loop.Finish(ExitCode::kOk);
                  loop.shard().ScheduleAfter(pause_, [this, &loop, &cluster] {
                    if (!loop.finished()) Look(loop, cluster);
                  });
                });
  }

  void Compare(ClientLoop& loop, ClusterView view) {
    pause_ = kLookInterval;
    if (silent_) {
      silent_ = false;
      Print(loop, {"reachable", "cluster", "brokers answer again", std::nullopt, {}});
    }
    if (last_.has_value()) {
      for (const ClusterEvent& event : EventsBetween(*last_, view)) Print(loop, event);
    } else {
      loop.context().Note(
          fmt::format("cluster {}: {}, {}; waiting for events", view.cluster_id,
                      Counted(static_cast<int64_t>(view.nodes.size()), "node"),
                      Counted(static_cast<int64_t>(view.partitions.size()), "partition")));
    }
    last_ = std::move(view);
    loop.context().out.Flush();
  }

  void NoAnswer(ClientLoop& loop, const absl::Status& why) {
    pause_ = std::min(2 * pause_, kLongestPause);
    if (std::exchange(silent_, true)) return;
    Print(loop, {"unreachable", "cluster", std::string(why.message()), std::nullopt, {}});
    loop.context().out.Flush();
  }

  void Print(ClientLoop& loop, const ClusterEvent& event) const {
    const int64_t now_ms = loop.shard().clock().WallMs();
    if (!json_) {
      loop.context().out.Write(fmt::format("{}  {:<14}  {}{}{}\n", IsoTime(now_ms), event.kind,
                                           event.where, event.what.empty() ? "" : ": ",
                                           event.what));
      return;
    }
    Table row("events", {{"", "time_ms", "int"},
                         {"", "event", "string"},
                         {"", "where", "string"},
                         {"", "what", "string"},
                         {"", "node", "int"},
                         {"", "partitions", "string[]"}});
    row.AddRow({now_ms, event.kind, event.where, event.what,
                event.node.has_value() ? Cell(*event.node) : Cell(), Cell(event.partitions)});
    loop.context().out.Write(row.Render(OutputFormat::kJsonl));
  }

  bool follow_ = false;
  bool json_ = false;
  Duration how_long_ = Duration::zero();
  Duration pause_ = kLookInterval;
  bool silent_ = false;
  kafka::ClusterClient* quorum_ = nullptr;
  std::optional<ClusterView> last_;
};

}  // namespace

std::unique_ptr<Command> MakeClusterEventsCommand() {
  return std::make_unique<ClusterEventsCommand>();
}

}  // namespace soliton::cli

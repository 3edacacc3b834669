// soliton cluster health: what is wrong, where; exit code 8 when something is.
#include <fmt/format.h>

#include "cli/cluster_command.h"
#include "cli/cluster_reader.h"

namespace soliton::cli {
namespace {

constexpr Duration kFirstPause = milliseconds(100);
constexpr Duration kLongestPause = seconds(1);

class ClusterHealthCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {
        .name = "cluster health",
        .summary = "whether all is well, else what is wrong and where (exit code 8)",
        .details =
            "Healthy: every partition has a leader and all of its replicas in sync, every broker "
            "serves and answers, the metadata quorum has a leader and all its voters follow. "
            "Partitions with fewer replicas in sync than min.insync.replicas are named apart: they "
            "refuse writes with acks=all.\n"
            "--wait asks again until all is well, also while no broker can be reached.",
        .examples = {{"soliton cluster health", ""},
                     {"soliton cluster health --wait 30s", "after a restart"},
                     {"soliton cluster health -o json | jq -r '.problems[].what'", ""}}};
  }
  void Declare(OptionSet& options) override {
    options.Value("-w,--wait", "DURATION", &wait_, "until healthy, this long at most");
    AddOutputOption(options, &format_);
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (format_ == OutputFormat::kHelp) {
      context.out.Write(ProblemTable({}, {}).Render(format_));
      return ExitCode::kOk;
    }
    return WithCluster(
        context, false,
        [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
          deadline_ = loop.shard().clock().Now() + wait_;
          Look(loop, cluster);
        },
        wait_);
  }

 private:
  void Look(ClientLoop& loop, kafka::ClusterClient& cluster) {
    ReadCluster(cluster, {.dial_all = true, .sync_rules = true},
                [this, &loop, &cluster](absl::StatusOr<ClusterView> view) {
                  const bool healthy = view.ok() && FindProblems(*view).empty();
                  if (healthy || loop.shard().clock().Now() >= deadline_) return Print(loop, view);
                  loop.shard().ScheduleAfter(pause_, [this, &loop, &cluster] {
                    if (!loop.finished()) Look(loop, cluster);
                  });
                  pause_ = std::min(2 * pause_, kLongestPause);
                });
  }

  void Print(ClientLoop& loop, const absl::StatusOr<ClusterView>& view) {
    if (!view.ok()) {
      return loop.Fail(ErrorFromStatus("cannot read the cluster's state", view.status()));
    }
    const std::vector<Problem> problems = FindProblems(*view);
    const bool for_people = format_ == OutputFormat::kTable || format_ == OutputFormat::kWide;
    if (!for_people || !problems.empty()) {
      loop.context().out.Write(ProblemTable(*view, problems).Render(format_));
    }
    // Nothing that could be mended any more, but nothing to keep quiet about.
    if (const auto unclean = view->elected_uncleanly(); !unclean.empty()) {
      loop.context().Note("replicas that were not in sync have led " + FirstOf(unclean) +
                          ": acknowledged records may be lost");
    }
    if (problems.empty()) {
      if (for_people) {
        loop.context().out.Write(
            fmt::format("healthy: {}, {}, {} led and in sync; quorum {}\n",
                        Counted(static_cast<int64_t>(view->nodes.size()), "node"),
                        Counted(view->topics, "topic"),
                        Counted(static_cast<int64_t>(view->partitions.size()), "partition"),
                        QuorumText(view->quorum)));
      }
      return loop.Finish(ExitCode::kOk);
    }
    loop.Fail({ExitCode::kCheckFailed,
               fmt::format("the cluster is unhealthy: {}{}",
                           Counted(static_cast<int64_t>(problems.size()), "problem"),
                           wait_ > Duration::zero() ? ", still after " + HumanDuration(wait_) : ""),
               loop.bootstrap().text, problems[0].where + ": " + problems[0].what, ""});
  }

  static Table ProblemTable(const ClusterView& view, const std::vector<Problem>& problems) {
    Table table("problems", {{"CHECK", "check", "string"},
                             {"WHERE", "where", "string"},
                             {"WHAT", "what", "string"},
                             {"NODE", "node", "int", Column::Align::kRight, true},
                             {"PARTITIONS", "partitions", "string[]", Column::Align::kLeft, true}});
    table.AddFact("healthy", "bool", problems.empty());
    table.AddFact("nodes", "int", static_cast<int64_t>(view.nodes.size()));
    table.AddFact("partitions", "int", static_cast<int64_t>(view.partitions.size()));
    table.AddFact("partitions_elected_uncleanly", "int",
                  static_cast<int64_t>(view.elected_uncleanly().size()));
    table.AddFact("quorum_judged", "bool", !absl::IsUnimplemented(view.quorum.status()));
    for (const Problem& problem : problems) {
      table.AddRow({problem.check, problem.where, problem.what,
                    problem.node.has_value() ? Cell(*problem.node) : Cell(),
                    Cell(problem.partitions)});
    }
    return table;
  }

  Duration wait_ = Duration::zero();
  MonotonicTime deadline_{};
  Duration pause_ = kFirstPause;
  OutputFormat format_ = OutputFormat::kTable;
};

}  // namespace

std::unique_ptr<Command> MakeClusterHealthCommand() {
  return std::make_unique<ClusterHealthCommand>();
}

}  // namespace soliton::cli

// soliton cluster status and nodes: the whole on one page, and its nodes.
#include <fmt/format.h>

#include "cli/cluster_command.h"
#include "cli/cluster_reader.h"

namespace soliton::cli {
namespace {

class ClusterStatusCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "cluster status",
            .summary = "the cluster on one page: nodes, quorum, partitions, health",
            .details = "",
            .examples = {{"soliton cluster status", ""},
                         {"soliton cluster status -o json", "keys are stable"}}};
  }
  void Declare(OptionSet& options) override {
    AddOutputOption(options, &format_);
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (format_ == OutputFormat::kHelp) {
      context.out.Write(StatusTable({}).Render(format_));
      return ExitCode::kOk;
    }
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      ReadCluster(
          cluster, {.dial_all = true, .sync_rules = true},
          [this, &loop](absl::StatusOr<ClusterView> view) {
            if (!view.ok()) {
              return loop.Fail(ErrorFromStatus("cannot read the cluster's state", view.status()));
            }
            if (format_ == OutputFormat::kTable || format_ == OutputFormat::kWide) {
              loop.context().out.Write(SummaryOf(*view));
            }
            loop.context().out.Write(StatusTable(*view).Render(format_));
            loop.Finish(ExitCode::kOk);
          });
    });
  }

 private:
  static Table StatusTable(const ClusterView& view) {
    Table table = NodeTable();
    const bool known = view.quorum.ok();
    const auto number = [&](int64_t value) { return known ? Cell(value) : Cell(); };
    const QuorumView quorum = known ? *view.quorum : QuorumView();
    table.AddFact("cluster_id", "string", view.cluster_id);
    table.AddFact("healthy", "bool", FindProblems(view).empty());
    table.AddFact("quorum_leader", "int", quorum.leader_id < 0 ? Cell() : number(quorum.leader_id));
    table.AddFact("quorum_epoch", "int", number(quorum.epoch));
    table.AddFact("voters", "int", number(quorum.voters()));
    table.AddFact("voters_following", "int", number(quorum.following()));
    table.AddFact("topics", "int", view.topics);
    table.AddFact("partitions", "int", static_cast<int64_t>(view.partitions.size()));
    table.AddFact("partitions_without_leader", "int", view.leaderless());
    table.AddFact("partitions_not_in_sync", "int", view.under_replicated());
    table.AddFact("partitions_below_min_isr", "int", view.below_min_isr());
    table.AddFact("partitions_elected_uncleanly", "int",
                  static_cast<int64_t>(view.elected_uncleanly().size()));
    FillNodeTable(view, &table);
    return table;
  }

  static std::string SummaryOf(const ClusterView& view) {
    const size_t problems = FindProblems(view).size();
    std::string health = "ok";
    if (problems > 0) {
      health = fmt::format("{} PROBLEM{}, named by: soliton cluster health", problems,
                           problems == 1 ? "" : "S");
    }
    std::string text = fmt::format(
        "cluster     {}\n"
        "health      {}\n"
        "quorum      {}\n"
        "topics      {}   partitions {}   without leader {}   not in sync {}   below min.isr "
        "{}\n",
        view.cluster_id, health, QuorumText(view.quorum), HumanCount(view.topics),
        HumanCount(static_cast<int64_t>(view.partitions.size())), HumanCount(view.leaderless()),
        HumanCount(view.under_replicated()), HumanCount(view.below_min_isr()));
    const std::vector<std::string> unclean = view.elected_uncleanly();
    if (!unclean.empty()) {
      text +=
          fmt::format("unclean     a replica that was not in sync was made leader of {}: {}\n",
                      Counted(static_cast<int64_t>(unclean.size()), "partition"), FirstOf(unclean));
    }
    return text + "\n";
  }

  OutputFormat format_ = OutputFormat::kTable;
};

class ClusterNodesCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "cluster nodes",
            .summary = "brokers and controllers: where, which roles, what they lead",
            .details = "",
            .examples = {{"soliton cluster nodes", ""},
                         {"soliton cluster nodes -o wide", "with racks"},
                         {"soliton cluster nodes -o csv", ""}}};
  }
  void Declare(OptionSet& options) override {
    AddOutputOption(options, &format_);
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (format_ == OutputFormat::kHelp) {
      context.out.Write(NodeTable().Render(format_));
      return ExitCode::kOk;
    }
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      ReadCluster(cluster, {.dial_all = true}, [this, &loop](absl::StatusOr<ClusterView> view) {
        if (!view.ok()) {
          return loop.Fail(ErrorFromStatus("cannot read the cluster's state", view.status()));
        }
        Table table = NodeTable();
        FillNodeTable(*view, &table);
        loop.context().out.Write(table.Render(format_));
        loop.Finish(ExitCode::kOk);
      });
    });
  }

 private:
  OutputFormat format_ = OutputFormat::kTable;
};

}  // namespace

std::unique_ptr<Command> MakeClusterStatusCommand() {
  return std::make_unique<ClusterStatusCommand>();
}
std::unique_ptr<Command> MakeClusterNodesCommand() {
  return std::make_unique<ClusterNodesCommand>();
}

}  // namespace soliton::cli

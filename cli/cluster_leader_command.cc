// soliton cluster move-leader and drain: leaders to where they are wanted, or away.
#include <fmt/format.h>

#include <limits>

#include "cli/cluster_command.h"
#include "cli/cluster_reader.h"
#include "cli/replica_moves.h"
#include "cli/start_position.h"

namespace soliton::cli {
namespace {

class LeaderCommand : public AdminCommand {
 protected:
  void DeclareShared(OptionSet& options) {
    options.Flag("--dry-run", &dry_run_, "only show what would be done");
    options.Value("--timeout", "DURATION", &timeout_, "how long to wait for the new leaders")
        .ShowDefault("30s");
    AddConnectionOptions(options, &connection_);
  }

  void Carry(ClientLoop& loop, kafka::ClusterClient& cluster, LeaderPlan plan,
             const std::string& nothing) {
    if (plan.moves.empty() && plan.stuck.empty()) {
      loop.context().Note(nothing);
      return loop.Finish(ExitCode::kOk);
    }
    if (!plan.moves.empty()) loop.context().out.Write(PlanTable(plan).Render(OutputFormat::kTable));
    if (dry_run_ || plan.moves.empty()) return End(loop, plan, {});
    loop.context().out.Flush();
    std::vector<LeaderMove> moves = plan.moves;
    MoveLeaders(loop, cluster, std::move(moves), timeout_,
                [this, &loop, plan = std::move(plan)](const std::vector<std::string>& missing) {
                  End(loop, plan, missing);
                });
  }

 private:
  static Table PlanTable(const LeaderPlan& plan) {
    Table table("moves", {{"PARTITION", "partition", "string"},
                          {"LEADER", "leader", "string"},
                          {"REPLICAS", "replicas", "string"}});
    for (const LeaderMove& move : plan.moves) {
      const std::string from = move.partition.leader_id < 0
                                   ? std::string("none")
                                   : fmt::format("{}", move.partition.leader_id);
      std::string replicas = fmt::format("{}", fmt::join(move.partition.replicas, ","));
      if (move.reorders()) replicas += fmt::format(" -> {}", fmt::join(move.order, ","));
      table.AddRow({move.partition.name, fmt::format("{} -> {}", from, move.to), replicas});
    }
    return table;
  }

  void End(ClientLoop& loop, const LeaderPlan& plan, const std::vector<std::string>& missing) {
    const int64_t moved = static_cast<int64_t>(plan.moves.size() - missing.size());
    if (moved > 0) {
      loop.context().Note(
          fmt::format("{} {}", dry_run_ ? "would move" : "moved", Counted(moved, "leader")));
    }
    std::vector<std::string> left = plan.stuck;
    left.insert(left.end(), missing.begin(), missing.end());
    if (left.empty()) return loop.Finish(ExitCode::kOk);
    loop.Fail(
        {missing.empty() ? ExitCode::kCheckFailed : ExitCode::kTimeout,
         fmt::format("{} cannot be moved", Counted(static_cast<int64_t>(left.size()), "leader")),
         loop.bootstrap().text, fmt::format("{}", fmt::join(left, "; ")),
         "see: soliton cluster health"});
  }

  bool dry_run_ = false;
  Duration timeout_ = seconds(30);
};

class ClusterMoveLeaderCommand final : public LeaderCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "cluster move-leader",
            .summary = "move leadership of a topic's partitions to a node",
            .details =
                "Only to replicas that are in sync: nothing is lost, and clients follow. The "
                "node also becomes the preferred leader. Without --to leaders go to their "
                "preferred replicas, the first of each list.",
            .examples = {{"soliton cluster move-leader orders -p 3 --to 2", ""},
                         {"soliton cluster move-leader orders", "to the preferred replicas"},
                         {"soliton cluster move-leader orders --to 2 --dry-run", ""}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("TOPIC", &topic_, "name of the topic").Required();
    options.Value("-p,--partitions", "LIST", &partitions_, "0,2,5-7 (default: all)");
    options.Value("--to", "NODE", &to_, "the node that shall lead")
        .Range(0, std::numeric_limits<int32_t>::max());
    DeclareShared(options);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    std::vector<int32_t> wanted;
    if (partitions_.has_value()) {
      auto parsed = ParsePartitions(*partitions_);
      if (!parsed.ok()) {
        return context.Fail({ExitCode::kUsage, std::string(parsed.status().message())});
      }
      wanted = *std::move(parsed);
    }
    return WithCluster(
        context, false, [this, wanted](ClientLoop& loop, kafka::ClusterClient& cluster) {
          ReadCluster(cluster, {},
                      [this, wanted, &loop, &cluster](const absl::StatusOr<ClusterView>& view) {
                        if (!view.ok()) {
                          return loop.Fail(
                              ErrorFromStatus("cannot read the cluster's state", view.status()));
                        }
                        absl::StatusOr<LeaderPlan> plan = PlanLeaders(*view, topic_, wanted, to_);
                        if (!plan.ok()) {
                          CliError error = ErrorFromStatus("cannot move leaders", plan.status());
                          error.hint = "soliton topic list";
                          return loop.Fail(error);
                        }
                        Carry(loop, cluster, *std::move(plan), "all of them lead already");
                      });
        });
  }

 private:
  std::string topic_;
  std::optional<std::string> partitions_;
  int32_t to_ = -1;
};

class ClusterDrainCommand final : public LeaderCommand {
 public:
  CommandInfo Info() const override {
    return {
        .name = "cluster drain",
        .summary = "move all leadership off a node, before it is stopped for longer",
        .details =
            "Each leader goes to the in-sync replica that leads least, and the node becomes the "
            "last choice. Its replicas stay: to move those too, soliton cluster reassign. A "
            "plain stop hands over by itself. With --back the node gets as many leaders as the "
            "others have.",
        .examples = {{"soliton cluster drain 2", ""},
                     {"soliton cluster drain 2 --dry-run", ""},
                     {"soliton cluster drain 2 --back", "when it is to lead again"}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("NODE", &node_, "id of the broker").Required();
    options.Flag("--back", &back_, "move a share of all leadership to the node again");
    DeclareShared(options);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      ReadCluster(cluster, {}, [this, &loop, &cluster](const absl::StatusOr<ClusterView>& view) {
        if (!view.ok()) {
          return loop.Fail(ErrorFromStatus("cannot read the cluster's state", view.status()));
        }
        const auto node = view->nodes.find(node_);
        if (node == view->nodes.end() || !node->second.broker) {
          return loop.Fail({ExitCode::kNotFound, fmt::format("there is no broker {}", node_),
                            loop.bootstrap().text, "", "soliton cluster nodes"});
        }
        if (!back_) {
          return Carry(loop, cluster, PlanDrain(*view, node_),
                       fmt::format("node {} leads nothing", node_));
        }
        absl::StatusOr<LeaderPlan> plan = PlanReturn(*view, node_);
        if (!plan.ok()) {
          CliError error = ErrorFromStatus("cannot move leaders", plan.status());
          error.hint = "see: soliton cluster health";
          return loop.Fail(error);
        }
        Carry(loop, cluster, *std::move(plan),
              fmt::format("node {} leads its share already", node_));
      });
    });
  }

 private:
  int32_t node_ = -1;
  bool back_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeClusterMoveLeaderCommand() {
  return std::make_unique<ClusterMoveLeaderCommand>();
}
std::unique_ptr<Command> MakeClusterDrainCommand() {
  return std::make_unique<ClusterDrainCommand>();
}

}  // namespace soliton::cli

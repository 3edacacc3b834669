// soliton cluster reassign: replicas to other brokers.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/cluster_command.h"
#include "cli/cluster_reader.h"
#include "cli/move_throttle.h"
#include "cli/replica_moves.h"
#include "cli/start_position.h"
#include "runtime/file/posix_file_system.h"

namespace soliton::cli {
namespace {

constexpr Duration kLookInterval = milliseconds(200);

class ClusterReassignCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {
        .name = "cluster reassign",
        .summary = "move replicas to other brokers; list, wait for, or cancel such moves",
        .details =
            "One of --to, --plan, --list, --export, --cancel and --unthrottle. Plans are JSON as "
            "kafka-reassign-partitions.sh has it; --export prints what holds now, and gives back "
            "what was when it is kept and used as a plan. New replicas copy first, old ones go "
            "when the new ones are in sync.\n"
            "--throttle sets leader and follower.replication.throttled.rate of the brokers, and "
            "which replicas are meant in the topics' settings. --wait, --cancel and --unthrottle "
            "remove them again.",
        .examples = {{"soliton cluster reassign orders --to 2,3,4 --dry-run", "show the plan"},
                     {"soliton cluster reassign --plan plan.json --yes --wait", ""},
                     {"soliton cluster reassign orders --to 2,3,4 --throttle 20MiB --wait",
                      "leaves room for clients"},
                     {"soliton cluster reassign orders --export > before.json", ""},
                     {"soliton cluster reassign --list", "what is moving"}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("TOPIC", &topics_, "topics that are meant (default: all)");
    options.Value("--to", "BROKERS", &to_, "spread them over these brokers: 1,2,5-7");
    options.Value("--plan", "FILE", &plan_file_, "do what this file says");
    options.Flag("--list", &list_, "show what is moving now");
    options.Flag("--export", &export_, "print where replicas are now, as a plan");
    options.Flag("--cancel", &cancel_, "take back what is moving now");
    options.Flag("--unthrottle", &unthrottle_, "take throttles away, also of what is moving now");
    options
        .Value("--throttle", "BYTES", &throttle_,
               "copy so much a second at most, to and from each broker")
        .ShowDefault("no limit");
    options.Flag("--dry-run", &dry_run_, "only show what would be done");
    options.Flag("-y,--yes", &yes_, "do not ask");
    options.Flag("-w,--wait", &wait_, "until replicas have moved");
    AddOutputOption(options, &format_);
    AddConnectionOptions(options, &connection_);
  }

  ExitCode Run(Context& context, const OptionSet& given) override {
    throttled_ = given.Given("--throttle");
    if (format_ == OutputFormat::kHelp) {
      context.out.Write((list_ ? OngoingTable({}) : PlanTable({})).Render(format_));
      return ExitCode::kOk;
    }
    if (auto error = CheckFlags(context)) return context.Fail(*error);
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      if (unthrottle_) return Unthrottle(loop, cluster);
      if (list_ || cancel_) {
        return ListMoves(loop, cluster, [this, &loop, &cluster](std::vector<OngoingMove> moves) {
          OnMoves(loop, cluster, std::move(moves));
        });
      }
      ReadCluster(cluster, {}, [this, &loop, &cluster](const absl::StatusOr<ClusterView>& view) {
        if (!view.ok()) {
          return loop.Fail(ErrorFromStatus("cannot read the cluster's state", view.status()));
        }
        OnView(loop, cluster, *view);
      });
    });
  }

 private:
  std::optional<CliError> CheckFlags(const Context& context) {
    const int modes = int{to_.has_value()} + int{plan_file_.has_value()} + int{list_} +
                      int{export_} + int{cancel_} + int{unthrottle_};
    if (modes != 1) {
      return CliError{ExitCode::kUsage,
                      modes == 0 ? "what shall be done? --to, --plan, --list, --export, --cancel "
                                   "or --unthrottle"
                                 : "--to, --plan, --list, --export, --cancel and --unthrottle "
                                   "exclude each other",
                      "", "", "see: soliton cluster reassign --help"};
    }
    const bool moves = to_.has_value() || plan_file_.has_value();
    if (throttled_ && (!moves || throttle_.bytes <= 0)) {
      return CliError{
          ExitCode::kUsage,
          moves ? "--throttle must be more than nothing" : "--throttle goes with --to and --plan",
          "", "", "soliton cluster reassign orders --to 2,3,4 --throttle 20MiB"};
    }
    if ((to_.has_value() || plan_file_.has_value() || cancel_) && !yes_ && !dry_run_ &&
        !context.err.is_terminal()) {
      return CliError{ExitCode::kUsage, "moving replicas needs --yes here", "",
                      "there is no terminal to ask on", "look first, with --dry-run"};
    }
    if (to_.has_value()) {
      auto parsed = ParsePartitions(*to_);
      if (!parsed.ok()) {
        return CliError{ExitCode::kUsage, fmt::format("'{}' is no list of brokers", *to_), "",
                        "expected for instance 1,2,5-7", ""};
      }
      brokers_ = *std::move(parsed);
    }
    if (!plan_file_.has_value()) return std::nullopt;
    const absl::StatusOr<std::string> text = ReadFile(PosixFileSystem(), *plan_file_);
    if (!text.ok()) return ErrorFromStatus("cannot read the plan", text.status());
    auto parsed = ParsePlan(*text);
    if (!parsed.ok()) {
      return CliError{ExitCode::kUsage, "the plan is malformed", *plan_file_,
                      std::string(parsed.status().message()),
                      "soliton cluster reassign --export prints one"};
    }
    plan_ = *std::move(parsed);
    return std::nullopt;
  }

  void OnView(ClientLoop& loop, kafka::ClusterClient& cluster, const ClusterView& view) {
    absl::StatusOr<std::vector<Assignment>> plan = plan_;
    if (export_) plan = CurrentAssignments(view, topics_);
    if (to_.has_value()) plan = SpreadOver(view, topics_, brokers_);
    if (plan.ok() && !export_) {
      if (absl::Status status = CheckPlan(*plan, view); !status.ok()) plan = std::move(status);
    }
    if (!plan.ok()) {
      CliError error = ErrorFromStatus("the plan does not fit this cluster", plan.status());
      error.at = plan_file_.value_or(loop.bootstrap().text);
      return loop.Fail(error);
    }
    if (export_) {
      loop.context().out.Write(PlanAsJson(*plan));
      return loop.Finish(ExitCode::kOk);
    }
    moves_ = MovesOf(*plan, view);
    loop.context().out.Write(PlanTable(moves_).Render(format_));
    loop.context().out.Flush();
    if (moves_.empty()) {
      loop.context().Note("replicas are there already");
      return loop.Finish(ExitCode::kOk);
    }
    if (!Confirmed(loop, fmt::format("This moves {}.", Counted(Size(moves_), "partition")))) return;
    if (!throttled_) return Begin(loop, cluster);
    SetThrottle(loop, cluster, moves_, ThrottledBrokers(moves_, view), throttle_.bytes,
                [this, &loop, &cluster] { Begin(loop, cluster); });
  }

  void Begin(ClientLoop& loop, kafka::ClusterClient& cluster) {
    std::vector<Assignment> wanted;
    for (const ReplicaMove& move : moves_) wanted.push_back(move.to);
    ChangeReplicas(loop, cluster, wanted, [this, &loop, &cluster] {
      if (wait_) return Await(loop, cluster);
      loop.context().Note(fmt::format(
          "{} begun; see: soliton cluster reassign --list{}", Counted(Size(moves_), "move"),
          throttled_ ? "\nthrottled until: soliton cluster reassign --list --wait, or "
                       "--unthrottle"
                     : ""));
      loop.Finish(ExitCode::kOk);
    });
  }

  void OnMoves(ClientLoop& loop, kafka::ClusterClient& cluster, std::vector<OngoingMove> moves) {
    const size_t all = moves.size();
    std::erase_if(moves, [this](const OngoingMove& move) {
      return !topics_.empty() &&
             std::find(topics_.begin(), topics_.end(), move.topic) == topics_.end();
    });
    loop.context().out.Write(OngoingTable(moves).Render(format_));
    loop.context().out.Flush();
    if (list_ && wait_ && !moves.empty()) {
      for (const OngoingMove& move : moves) {
        moves_.push_back({{move.topic, move.partition, {}}, {}, move.adding, move.removing});
      }
      return Await(loop, cluster);
    }
    if (list_ || moves.empty()) {
      if (moves.empty()) loop.context().Note("nothing is moving");
      return loop.Finish(ExitCode::kOk);
    }
    if (!Confirmed(loop, fmt::format("This takes back {}.", Counted(Size(moves), "move")))) return;
    std::vector<Assignment> none;
    for (const OngoingMove& move : moves) none.push_back({move.topic, move.partition, {}});
    const bool others = moves.size() < all;
    std::set<std::string> topics;
    for (const OngoingMove& move : moves) topics.insert(move.topic);
    ChangeReplicas(loop, cluster, none,
                   [this, &loop, &cluster, topics, others, count = Size(moves)] {
                     loop.context().Note(fmt::format("took back {}", Counted(count, "move")));
                     End(loop, cluster, topics, others);
                   });
  }

  // Of these topics nothing moves any more: throttles that were set for it go. Rates are left as
  // long as `others` move, and where no topic was throttled, since they may be somebody's wish.
  void End(ClientLoop& loop, kafka::ClusterClient& cluster, const std::set<std::string>& topics,
           bool others) {
    LiftThrottle(loop, cluster, {topics.begin(), topics.end()}, {}, throttled_,
                 [this, &loop, &cluster, others](int64_t changed) {
                   if (changed == 0 || others) return loop.Finish(ExitCode::kOk);
                   LiftRates(loop, cluster, changed);
                 });
  }

  void Unthrottle(ClientLoop& loop, kafka::ClusterClient& cluster) {
    ReadCluster(cluster, {}, [this, &loop, &cluster](const absl::StatusOr<ClusterView>& view) {
      if (!view.ok()) {
        return loop.Fail(ErrorFromStatus("cannot read the cluster's state", view.status()));
      }
      const auto all = CurrentAssignments(*view, topics_);
      if (!all.ok()) {
        return loop.Fail(ErrorFromStatus("cannot take throttles away", all.status()));
      }
      std::set<std::string> topics;
      for (const Assignment& each : *all) topics.insert(each.topic);
      LiftThrottle(loop, cluster, {topics.begin(), topics.end()}, {}, false,
                   [this, &loop, &cluster](int64_t changed) { LiftRates(loop, cluster, changed); });
    });
  }

  void LiftRates(ClientLoop& loop, kafka::ClusterClient& cluster, int64_t of_topics) {
    ReadCluster(
        cluster, {}, [this, &loop, &cluster, of_topics](const absl::StatusOr<ClusterView>& view) {
          if (!view.ok()) {
            return loop.Fail(ErrorFromStatus("cannot read the cluster's state", view.status()));
          }
          std::vector<int32_t> brokers;
          for (const auto& [node_id, node] : view->nodes) {
            if (Serves(*view, node_id)) brokers.push_back(node_id);
          }
          LiftThrottle(loop, cluster, {}, brokers, throttled_, [&loop, of_topics](int64_t changed) {
            loop.context().Note(changed + of_topics == 0 ? "nothing is throttled"
                                                         : "throttle removed");
            loop.Finish(ExitCode::kOk);
          });
        });
  }

  // False: the command has ended.
  bool Confirmed(ClientLoop& loop, const std::string& what) {
    Context& context = loop.context();
    if (dry_run_) {
      context.Note("nothing was changed (--dry-run)");
      loop.Finish(ExitCode::kOk);
      return false;
    }
    if (yes_) return true;
    context.err.Write(what + "\nType yes to go on: ");
    context.err.Flush();
    std::string typed;
    std::getline(context.in, typed);
    if (typed == "yes") return true;
    loop.Fail({ExitCode::kFailed, "not confirmed"});
    return false;
  }

  // Until none of ours is under way.
  void Await(ClientLoop& loop, kafka::ClusterClient& cluster) {
    loop.OnInterrupt([&loop] {
      loop.context().Note("they go on; see: soliton cluster reassign --list --wait");
      loop.Finish(ExitCode::kInterrupted);
    });
    ListMoves(loop, cluster, [this, &loop, &cluster](const std::vector<OngoingMove>& ongoing) {
      if (loop.finished()) return;
      std::set<std::string> moving;
      for (const OngoingMove& move : ongoing) moving.insert(move.name());
      for (const ReplicaMove& move : moves_) {
        const std::string name = move.to.name();
        if (moving.contains(name) || !done_.insert(name).second) continue;
        loop.context().Note(fmt::format("{} done ({} of {})", name, Size(done_), Size(moves_)));
      }
      if (done_.size() == moves_.size()) {
        std::set<std::string> topics;
        for (const ReplicaMove& move : moves_) topics.insert(move.to.topic);
        for (const OngoingMove& move : ongoing) topics.erase(move.topic);
        return End(loop, cluster, topics, !ongoing.empty());
      }
      loop.shard().ScheduleAfter(kLookInterval, [this, &loop, &cluster] {
        if (!loop.finished()) Await(loop, cluster);
      });
    });
  }

  template <typename Container>
  static int64_t Size(const Container& container) {
    return static_cast<int64_t>(container.size());
  }

  static Cell IdCell(const std::vector<int32_t>& ids) {
    return Cell(std::vector<int64_t>(ids.begin(), ids.end()));
  }

  static Table PlanTable(const std::vector<ReplicaMove>& moves) {
    Table table("moves", {{"PARTITION", "name", "string"},
                          {"FROM", "from", "int[]"},
                          {"TO", "to", "int[]"},
                          {"CHANGE", "change", "string"}});
    for (const ReplicaMove& move : moves) {
      table.AddRow(
          {move.to.name(), IdCell(move.from), IdCell(move.to.replicas), move.ChangeText()});
    }
    return table;
  }

  static Table OngoingTable(const std::vector<OngoingMove>& moves) {
    Table table("moves", {{"PARTITION", "name", "string"},
                          {"REPLICAS", "replicas", "int[]"},
                          {"ADDING", "adding", "int[]"},
                          {"REMOVING", "removing", "int[]"}});
    for (const OngoingMove& move : moves) {
      table.AddRow(
          {move.name(), IdCell(move.replicas), IdCell(move.adding), IdCell(move.removing)});
    }
    return table;
  }

  std::vector<std::string> topics_;
  std::optional<std::string> to_;
  std::optional<std::string> plan_file_;
  bool list_ = false;
  bool export_ = false;
  bool cancel_ = false;
  bool unthrottle_ = false;
  bool throttled_ = false;
  ByteCount throttle_;
  bool dry_run_ = false;
  bool yes_ = false;
  bool wait_ = false;
  OutputFormat format_ = OutputFormat::kTable;
  std::vector<int32_t> brokers_;
  std::vector<Assignment> plan_;
  std::vector<ReplicaMove> moves_;
  std::set<std::string> done_;
};

}  // namespace

std::unique_ptr<Command> MakeClusterReassignCommand() {
  return std::make_unique<ClusterReassignCommand>();
}

}  // namespace soliton::cli

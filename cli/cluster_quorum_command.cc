// soliton cluster quorum: who leads the metadata quorum, and how far the others are; and who votes
// from now on.
#include <fmt/format.h>

#include <limits>

#include "cli/cluster_command.h"
#include "cli/cluster_reader.h"
#include "cli/quorum_changer.h"

namespace soliton::cli {
namespace {

using Ids = std::vector<int64_t>;

class ClusterQuorumCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "cluster quorum",
            .summary = "the metadata quorum: leader, voters, how far each is; add or remove one",
            .details =
                "Observers are controllers and brokers that read the metadata log without a vote. "
                "Ages are by the leader's clock.\n\n"
                "A controller that is to be added is started first, with the "
                "controller.quorum.voters of this cluster, and follows as an observer; add waits "
                "until it has the log. A voter that has lost its disk comes back as an observer "
                "with another directory: remove it, which means the old one, and add it again. "
                "Keep 1, 3 or 5 voters; changes go one at a time.",
            .examples = {{"soliton cluster quorum", ""},
                         {"soliton cluster quorum -o json | jq .leader", "the leader's node id"},
                         {"soliton cluster quorum -o wide", "with directory ids"},
                         {"soliton cluster quorum add 4", "node 4 votes from now on"},
                         {"soliton cluster quorum remove 3", "node 3 does not any more"}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("ACTION", &action_, "add or remove a voter (default: show the quorum)")
        .choices = {"add", "remove"};
    options.Positional("NODE", &node_, "id of the controller to add or remove");
    options.Value(
        "--directory-id", "ID", &directory_,
        "which of the node's disks is meant (default: the one it has now, or that votes)");
    options.Value("--timeout", "DURATION", &timeout_, "how long to wait for it and for the quorum")
        .ShowDefault("30s");
    AddOutputOption(options, &format_);
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (format_ == OutputFormat::kHelp) {
      context.out.Write(
          QuorumTable({}, action_ ? std::optional(Ids()) : std::nullopt).Render(format_));
      return ExitCode::kOk;
    }
    if (action_) return Change(context);
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      ReadQuorum(cluster,
                 [this, &loop](const absl::StatusOr<QuorumView>& view) { Print(loop, view); });
    });
  }

 private:
  ExitCode Change(Context& context) {
    const std::string usage = "usage: soliton cluster quorum add|remove NODE";
    if (*action_ != "add" && *action_ != "remove") {
      const absl::Status wrong = UnknownChoice(*action_, {"add", "remove"});
      return context.Fail({ExitCode::kUsage, fmt::format("'{}' is no action", *action_), "",
                           std::string(wrong.message()), usage});
    }
    if (node_ < 0) {
      return context.Fail(
          {ExitCode::kUsage, fmt::format("{} needs a node id", *action_), "", "", usage});
    }
    QuorumChange change{.add = *action_ == "add", .node_id = node_, .directory_id = std::nullopt};
    if (directory_) {
      change.directory_id = Uuid::Parse(*directory_);
      if (!change.directory_id) {
        return context.Fail({ExitCode::kUsage, fmt::format("'{}' is no directory id", *directory_),
                             "", "expected 22 letters, digits, - and _",
                             "see them: soliton cluster quorum -o wide"});
      }
    }
    return WithCluster(
        context, false, [this, change](ClientLoop& loop, kafka::ClusterClient& cluster) {
          ChangeQuorum(loop, cluster, change, timeout_,
                       [this, &loop](const QuorumView& before, const QuorumView& after) {
                         Show(loop, after, before);
                       });
        });
  }

  // `before`: of a change.
  void Show(ClientLoop& loop, const QuorumView& view,
            const std::optional<QuorumView>& before = std::nullopt) {
    TextSink& out = loop.context().out;
    if (format_ == OutputFormat::kTable || format_ == OutputFormat::kWide) {
      if (before) {
        out.Write(fmt::format("voters {} -> {}\n", VotersText(*before), VotersText(view)));
      }
      out.Write(fmt::format("{}   high watermark {}\n", QuorumText(view),
                            HumanCount(view.high_watermark)));
    }
    out.Write(QuorumTable(view, before ? std::optional(VoterIds(*before)) : std::nullopt)
                  .Render(format_));
    loop.Finish(ExitCode::kOk);
  }

  void Print(ClientLoop& loop, const absl::StatusOr<QuorumView>& view) {
    if (!view.ok()) {
      CliError error = ErrorFromStatus("the metadata quorum does not answer", view.status());
      error.at = loop.bootstrap().text;
      error.hint = absl::IsUnimplemented(view.status())
                       ? "these brokers do not offer DescribeQuorum (API 55)"
                       : "a majority of the controllers must run: soliton cluster health";
      return loop.Fail(error);
    }
    Show(loop, *view);
  }

  static Table QuorumTable(const QuorumView& view, const std::optional<Ids>& voters_before) {
    using Align = Column::Align;
    Table table("members", {{"NODE", "node", "int", Align::kRight},
                            {"STATUS", "status", "string"},
                            {"LOG END", "log_end_offset", "int", Align::kRight},
                            {"LAG", "lag", "int", Align::kRight},
                            {"FETCHED", "fetched_ago_ms", "int", Align::kRight},
                            {"CAUGHT UP", "caught_up_ago_ms", "int", Align::kRight},
                            {"DIRECTORY", "directory_id", "string", Align::kLeft, true},
                            {"STATE", "state", "string"}});
    table.AddFact("leader", "int", view.leader_id < 0 ? Cell() : Cell(int64_t{view.leader_id}));
    table.AddFact("epoch", "int", int64_t{view.epoch});
    table.AddFact("high_watermark", "int", view.high_watermark);
    if (voters_before) table.AddFact("voters_before", "int[]", Cell(*voters_before));
    for (const QuorumMember& member : view.members) {
      const auto age = [&](const std::optional<int64_t>& ms) {
        if (member.leads || !ms.has_value()) return Cell();
        return Cell(*ms, HumanDuration(milliseconds(*ms)) + " ago");
      };
      const bool known = member.log_end_offset >= 0;
      table.AddRow({int64_t{member.node_id},
                    member.leads   ? "leader"
                    : member.voter ? "follower"
                                   : "observer",
                    known ? Cell(member.log_end_offset) : Cell(), known ? Cell(member.lag) : Cell(),
                    age(member.fetched_ago_ms), age(member.caught_up_ago_ms),
                    member.directory_id.is_zero() ? Cell() : Cell(member.directory_id.ToString()),
                    member.trouble.empty() ? std::string("ok") : member.trouble});
    }
    return table;
  }

  std::optional<std::string> action_;
  int32_t node_ = -1;
  std::optional<std::string> directory_;
  Duration timeout_ = seconds(30);
  OutputFormat format_ = OutputFormat::kTable;
};

}  // namespace

std::unique_ptr<Command> MakeClusterQuorumCommand() {
  return std::make_unique<ClusterQuorumCommand>();
}

}  // namespace soliton::cli

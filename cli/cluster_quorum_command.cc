// soliton cluster quorum: who leads the metadata quorum, and how far the others are.
#include <fmt/format.h>

#include "cli/cluster_command.h"
#include "cli/cluster_reader.h"

namespace soliton::cli {
namespace {

class ClusterQuorumCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "cluster quorum",
            .summary = "the metadata quorum: leader, voters, how far each is",
            .details =
                "Observers are brokers that read the metadata log without a vote. Ages are by the "
                "leader's clock.",
            .examples = {{"soliton cluster quorum", ""},
                         {"soliton cluster quorum -o json | jq .leader", "the leader's node id"},
                         {"soliton cluster quorum -o wide", "with directory ids"}}};
  }
  void Declare(OptionSet& options) override {
    AddOutputOption(options, &format_);
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (format_ == OutputFormat::kHelp) {
      context.out.Write(QuorumTable({}).Render(format_));
      return ExitCode::kOk;
    }
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      ReadQuorum(cluster,
                 [this, &loop](const absl::StatusOr<QuorumView>& view) { Print(loop, view); });
    });
  }

 private:
  void Print(ClientLoop& loop, const absl::StatusOr<QuorumView>& view) {
    if (!view.ok()) {
      CliError error = ErrorFromStatus("the metadata quorum does not answer", view.status());
      error.at = loop.bootstrap().text;
      error.hint = absl::IsUnimplemented(view.status())
                       ? "these brokers do not offer DescribeQuorum (API 55)"
                       : "a majority of the controllers must run: soliton cluster health";
      return loop.Fail(error);
    }
    if (format_ == OutputFormat::kTable || format_ == OutputFormat::kWide) {
      loop.context().out.Write(fmt::format("{}   high watermark {}\n", QuorumText(view),
                                           HumanCount(view->high_watermark)));
    }
    loop.context().out.Write(QuorumTable(*view).Render(format_));
    loop.Finish(ExitCode::kOk);
  }

  static Table QuorumTable(const QuorumView& view) {
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

  OutputFormat format_ = OutputFormat::kTable;
};

}  // namespace

std::unique_ptr<Command> MakeClusterQuorumCommand() {
  return std::make_unique<ClusterQuorumCommand>();
}

}  // namespace soliton::cli

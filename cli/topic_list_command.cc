// soliton topic list: lists the topics.
#include <fmt/format.h>

#include <algorithm>

#include "cli/output.h"
#include "cli/topic_command.h"

namespace soliton::cli {
namespace {

class TopicListCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "topic list",
            .summary = "list the topics",
            .details = "",
            .examples = {{"soliton topic list", ""},
                         {"soliton topic list -o json | jq -r '.topics[].name'", "only names"},
                         {"soliton topic list --internal -o wide", ""}}};
  }
  void Declare(OptionSet& options) override {
    AddOutputOption(options, &format_);
    options.Flag("-i,--internal", &internal_, "also those that the brokers keep for themselves");
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    using Align = Column::Align;
    Table table("topics", {{"NAME", "name", "string"},
                           {"PARTITIONS", "partitions", "int", Align::kRight},
                           {"REPLICAS", "replication_factor", "int", Align::kRight},
                           {"ID", "id", "string", Align::kLeft, true},
                           {"INTERNAL", "internal", "bool", Align::kLeft, true},
                           {"STATE", "state", "string"}});
    if (format_ == OutputFormat::kHelp) {
      context.out.Write(table.Render(format_));
      return ExitCode::kOk;
    }
    return WithCluster(context, true, [&](ClientLoop& loop, kafka::ClusterClient& cluster) {
      for (const auto& [name, topic] : cluster.metadata().topics()) {
        if (topic.is_internal && !internal_) continue;
        size_t replicas = 0;
        int bad = 0;
        for (const auto& [index, partition] : topic.partitions) {
          replicas = std::max(replicas, partition.replicas.size());
          if (StateText(partition) != "ok") ++bad;
        }
        table.AddRow({name, int64_t{topic.partition_count()}, static_cast<int64_t>(replicas),
                      topic.id.ToString(), topic.is_internal,
                      bad == 0 ? std::string("ok") : fmt::format("{} partitions not ok", bad)});
      }
      context.out.Write(table.Render(format_));
      loop.Finish(ExitCode::kOk);
    });
  }

 private:
  OutputFormat format_ = OutputFormat::kTable;
  bool internal_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeTopicListCommand() { return std::make_unique<TopicListCommand>(); }

}  // namespace soliton::cli

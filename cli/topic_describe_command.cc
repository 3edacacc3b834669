// soliton topic describe: shows a topic's partitions.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/output.h"
#include "cli/topic_command.h"
#include "consumer/offset_lookup.h"

namespace soliton::cli {
namespace {

using kafka::ErrorCode;

std::vector<int64_t> Ids(const std::vector<int32_t>& ids) { return {ids.begin(), ids.end()}; }

std::string Joined(const std::vector<int32_t>& ids) {
  return fmt::format("{}", fmt::join(ids, ","));
}

class TopicDescribeCommand final : public AdminCommand {
 public:
  CommandInfo Info() const override {
    return {.name = "topic describe",
            .summary = "show a topic's partitions: leaders, replicas, offsets",
            .details = "",
            .examples = {{"soliton topic describe orders", ""},
                         {"soliton topic describe orders -o json", ""},
                         {"soliton topic describe orders -o csv", ""}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("NAME", &name_, "name of the topic").Required();
    AddOutputOption(options, &format_);
    AddConnectionOptions(options, &connection_);
  }
  ExitCode Run(Context& context, const OptionSet&) override {
    if (format_ == OutputFormat::kHelp) {
      context.out.Write(EmptyTable().Render(format_));
      return ExitCode::kOk;
    }
    return WithCluster(context, false, [this](ClientLoop& loop, kafka::ClusterClient& cluster) {
      loop.AwaitTopic(cluster, name_, milliseconds(500),
                      [this, &loop, &cluster] { FindOffsets(loop, cluster); });
    });
  }

 private:
  struct Offsets {
    std::optional<int64_t> start;
    std::optional<int64_t> end;
  };

  static Table EmptyTable() {
    using Align = Column::Align;
    return Table("partitions", {{"PART", "partition", "int", Align::kRight},
                                {"LEADER", "leader", "int", Align::kRight},
                                {"EPOCH", "leader_epoch", "int", Align::kRight, true},
                                {"REPLICAS", "replicas", "int[]"},
                                {"IN-SYNC", "in_sync", "int[]"},
                                {"START", "start_offset", "int", Align::kRight},
                                {"END", "end_offset", "int", Align::kRight},
                                {"STATE", "state", "string"}});
  }

  void FindOffsets(ClientLoop& loop, kafka::ClusterClient& cluster) {
    auto& lookup = loop.Keep(std::make_unique<consumer::OffsetLookup>(cluster, false));
    const kafka::TopicState* topic = cluster.metadata().Find(name_);
    auto found = std::make_shared<std::map<int32_t, Offsets>>();
    auto left = std::make_shared<size_t>(2 * topic->partitions.size());
    for (const auto& [index, partition] : topic->partitions) {
      for (const int64_t which : {consumer::kEarliestTimestamp, consumer::kLatestTimestamp}) {
        lookup.Find({name_, index}, which, seconds(3),
                    [this, &loop, &cluster, found, left, number = index,
                     which](const absl::StatusOr<consumer::FoundOffset>& offset) {
                      if (offset.ok()) {
                        Offsets& offsets = (*found)[number];
                        (which == consumer::kEarliestTimestamp ? offsets.start : offsets.end) =
                            offset->offset;
                      }
                      if (--*left == 0) Print(loop, cluster, *found);
                    });
      }
    }
  }

  void Print(ClientLoop& loop, kafka::ClusterClient& cluster,
             const std::map<int32_t, Offsets>& found) {
    const kafka::TopicState* topic = cluster.metadata().Find(name_);
    if (topic == nullptr || topic->partitions.empty()) {
      return loop.Fail(
          UnknownTopic(name_, {}, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, loop.bootstrap().text));
    }
    Table table = EmptyTable();
    const auto cell = [](const std::optional<int64_t>& offset) {
      return offset.has_value() ? Cell(*offset) : Cell();
    };
    size_t replicas = 0;
    for (const auto& [index, partition] : topic->partitions) {
      const auto offsets = found.find(index);
      const Offsets known = offsets == found.end() ? Offsets{} : offsets->second;
      replicas = std::max(replicas, partition.replicas.size());
      table.AddRow(
          {int64_t{index},
           partition.leader.leader_id < 0 ? Cell() : Cell(int64_t{partition.leader.leader_id}),
           int64_t{partition.leader.leader_epoch},
           Cell(Ids(partition.replicas), Joined(partition.replicas)),
           Cell(Ids(partition.isr), Joined(partition.isr)), cell(known.start), cell(known.end),
           StateText(partition)});
    }
    if (format_ == OutputFormat::kTable || format_ == OutputFormat::kWide) {
      loop.context().out.Write(
          fmt::format("{}   {} partition{}   rf {}{}\n", name_, topic->partition_count(),
                      topic->partition_count() == 1 ? "" : "s", replicas,
                      topic->id.is_zero() ? std::string() : "   id " + topic->id.ToString()));
    }
    loop.context().out.Write(table.Render(format_));
    loop.Finish(ExitCode::kOk);
  }

  std::string name_;
  OutputFormat format_ = OutputFormat::kTable;
};

}  // namespace

std::unique_ptr<Command> MakeTopicDescribeCommand() {
  return std::make_unique<TopicDescribeCommand>();
}

}  // namespace soliton::cli

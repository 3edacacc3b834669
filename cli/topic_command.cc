// soliton topic create | list | describe | alter | delete.
#include "cli/topic_command.h"

#include <fmt/format.h>

#include "cli/all_commands.h"

namespace soliton::cli {

ExitCode TopicCommand::WithCluster(
    Context& context, bool all_topics,
    const std::function<void(ClientLoop&, kafka::ClusterClient&)>& body) {
  absl::StatusOr<Bootstrap> bootstrap = ResolveBootstrap(connection_, context);
  if (!bootstrap.ok()) {
    return context.Fail({ExitCode::kUsage, std::string(bootstrap.status().message())});
  }
  ClientLoop loop(context, *std::move(bootstrap));
  return loop.Run([&loop, all_topics, body] {
    auto& cluster = loop.Keep(std::make_unique<kafka::ClusterClient>(
        loop.shard(), *loop.ports().transport, DefaultClusterOptions(loop.bootstrap())));
    loop.FailUnlessConnected(cluster);
    auto started = std::make_shared<bool>(false);
    cluster.OnMetadata([&loop, &cluster, body, started] {
      if (!std::exchange(*started, true)) body(loop, cluster);
    });
    if (all_topics) {
      cluster.WatchAll();
    } else {
      cluster.RequestRefresh();
    }
  });
}

std::string StateText(const kafka::PartitionState& partition) {
  if (partition.leader.leader_id < 0) return "NO LEADER";
  std::string missing;
  for (const int32_t replica : partition.replicas) {
    bool in_sync = false;
    for (const int32_t member : partition.isr) in_sync |= member == replica;
    if (!in_sync) missing += fmt::format("{}{}", missing.empty() ? "" : ",", replica);
  }
  if (!missing.empty()) return fmt::format("UNDER-REPLICATED: node {} not in sync", missing);
  return "ok";
}

void AddTopicCommands(CommandList& commands) {
  commands.AddMaker(MakeTopicListCommand);
  commands.AddMaker(MakeTopicCreateCommand);
  commands.AddMaker(MakeTopicDescribeCommand);
  commands.AddMaker(MakeTopicAlterCommand);
  commands.AddMaker(MakeTopicDeleteCommand);
  commands.AddMaker(MakeTopicTrimCommand);
}

}  // namespace soliton::cli

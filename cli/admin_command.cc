#include "cli/admin_command.h"

namespace soliton::cli {

ExitCode AdminCommand::WithCluster(
    Context& context, bool all_topics,
    const std::function<void(ClientLoop&, kafka::ClusterClient&)>& body, Duration patience) {
  absl::StatusOr<Bootstrap> bootstrap = ResolveBootstrap(connection_, context);
  if (!bootstrap.ok()) {
    return context.Fail({ExitCode::kUsage, std::string(bootstrap.status().message())});
  }
  ClientLoop loop(context, *std::move(bootstrap));
  return loop.Run([&loop, all_topics, body, patience] {
    auto& cluster = loop.Keep(std::make_unique<kafka::ClusterClient>(
        loop.shard(), *loop.ports().transport, DefaultClusterOptions(loop.bootstrap())));
    loop.FailUnlessConnected(cluster, patience);
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

}  // namespace soliton::cli

// One run of `soliton dev`: starts the nodes as processes, proves that they serve, starts again
// what ends, and stops them. Lives on the loop's shard.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/client_loop.h"
#include "cli/cluster_view.h"
#include "cli/dev_layout.h"
#include "cli/round_trip.h"

namespace soliton::cli {

struct DevRunOptions {
  std::string again;                              // the command that starts this cluster again
  Duration restart_after;                         // after a node has ended
  Duration kill_leader_every = Duration::zero();  // zero: never
};

class DevRun {
 public:
  DevRun(ClientLoop& loop, DevLayout layout, DevRunOptions options);
  // Kills what still runs.
  ~DevRun();

  void Start();

 private:
  struct Node {
    int number = 0;
    std::optional<int> pid;
    int64_t output_from = 0;  // where this process's output begins
    bool ready = false;
    int failed_starts = 0;  // in a row
  };

  void Launch(Node& node);
  void Watch();
  void OnReady(Node& node);
  void OnEnded(Node& node, const std::string& how);
  // The whole cluster cannot be started.
  void Abandon(const Node& node, const std::string& how);
  std::string LastLines(const Node& node) const;
  void ProveThatItServes();
  void Announce(const absl::StatusOr<Duration>& round_trip);
  void ScheduleKill();
  void KillLeader(const absl::StatusOr<ClusterView>& view);
  void Stop();

  ClientLoop& loop_;
  const DevLayout layout_;
  const DevRunOptions options_;
  MonotonicTime started_at_{};
  MonotonicTime stop_deadline_{};
  std::vector<Node> nodes_;
  kafka::ClusterClient* cluster_ = nullptr;
  std::unique_ptr<RoundTrip> round_trip_;
  bool proving_ = false;
  bool announced_ = false;
  bool stopping_ = false;
  bool killed_ = false;  // stopping took too long
};

}  // namespace soliton::cli

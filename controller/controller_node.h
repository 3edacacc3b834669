// A controller process: metadata log, brain, and the control-plane server, wired over ports.
// Everything runs on one shard (shard 0 of the ports). Unmodified in the simulator.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/metadata/metadata_image.h"
#include "runtime/ports.h"

namespace soliton::controller {

struct ControllerOptions {
  int32_t node_id = -1;
  std::string cluster_id;  // "" generates one at first start and keeps it
  Endpoint listen;         // port 0 = any
  std::string data_directory;
  Duration broker_session_timeout = milliseconds(9000);
  Duration probe_timeout = milliseconds(500);  // dialling a broker whose control connection closed
  int32_t default_partitions = 1;
  int32_t default_replication_factor = 1;
  int32_t default_min_insync_replicas = 1;  // for topics without min.insync.replicas
  bool unclean_leader_election_enable = false;
  int32_t max_partitions_per_request = 10000;
  // The metadata log failed: the controller has stopped answering and the process should end.
  // Called once, on shard 0. A restart replays what was really written.
  std::function<void(const absl::Status&)> on_fatal;
};

class ControllerNode {
 public:
  // Opens the data directory, replays the metadata log and starts listening. Call on shard 0.
  static absl::StatusOr<std::unique_ptr<ControllerNode>> Start(const Ports& ports,
                                                               const ControllerOptions& options);
  virtual ~ControllerNode() = default;  // an abrupt stop; durable state is already on disk
  // Closes the log cleanly, then `done` on shard 0, perhaps inside this call. Call on shard 0,
  // once.
  virtual void Stop(absl::AnyInvocable<void(absl::Status)> done) = 0;
  virtual uint16_t port() const = 0;
  // The one in use, also when ControllerOptions left it empty.
  virtual const std::string& cluster_id() const = 0;
  // For tests and the simulator's checkers: what brokers have been or may be told. Call while the
  // shard does not run.
  virtual const MetadataImage& committed_image() const = 0;
};

}  // namespace soliton::controller

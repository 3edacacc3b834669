// A controller process: its part of the metadata quorum, the committed state, the control-plane
// server, and, while it leads, the brain; wired over ports. Everything runs on one shard (shard 0
// of the ports). Unmodified in the simulator.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/metadata/metadata_image.h"
#include "controller/quorum/quorum_core.h"
#include "runtime/ports.h"

namespace soliton::controller {

struct ControllerOptions {
  int32_t node_id = -1;
  std::string cluster_id;  // "": the first leader draws one
  Endpoint listen;         // port 0 = any
  // Who founds the quorum, by node id, and where brokers and the others reach them; later the log
  // says who votes. Empty: this node alone. Without this node: it follows them without a vote,
  // until it is added.
  std::map<int32_t, Endpoint> voters;
  // Where the others reach this one, unless `voters` says it; port 0: where it listens, if that is
  // one address.
  Endpoint advertised;
  std::string data_directory;
  QuorumOptions quorum;
  Duration broker_session_timeout = milliseconds(9000);
  // A broker that was silent for so long is asked directly, and fenced when it does not answer
  // within the probe timeout.
  Duration broker_silence_timeout = milliseconds(300);
  Duration probe_timeout = milliseconds(200);
  int32_t default_partitions = 1;
  int32_t default_replication_factor = 1;
  int32_t default_min_insync_replicas = 1;  // for topics without min.insync.replicas
  bool unclean_leader_election_enable = false;
  int32_t max_partitions_per_request = 10000;
  // A snapshot of the metadata is due when so much was committed since the last one.
  int64_t snapshot_interval_bytes = 20 << 20;
  // How often leaderships go back to preferred replicas, where a broker lacks more than this share
  // of them; zero: never.
  Duration leader_imbalance_check_interval = seconds(300);
  int32_t leader_imbalance_percentage = 10;
  // A leader is known, and the cluster it leads. Called once, on shard 0, after Start.
  std::function<void()> on_ready;
  // The metadata log failed, or belongs elsewhere: the controller has stopped answering and the
  // process should end. Called once, on shard 0. A restart reads what was really written.
  std::function<void(const absl::Status&)> on_fatal;
};

class ControllerNode {
 public:
  // Opens the data directory, recovers the metadata log and starts listening. Call on shard 0.
  static absl::StatusOr<std::unique_ptr<ControllerNode>> Start(const Ports& ports,
                                                               const ControllerOptions& options);
  virtual ~ControllerNode() = default;  // an abrupt stop; durable state is already on disk
  // Hands leadership over, closes the log cleanly, then `done` on shard 0, perhaps inside this
  // call. Call on shard 0, once.
  virtual void Stop(absl::AnyInvocable<void(absl::Status)> done) = 0;
  virtual uint16_t port() const = 0;
  // "" until it is known: configured, kept from an earlier start, or the leader's.
  virtual const std::string& cluster_id() const = 0;
  // Whether this one decides; the core of its quorum says more.
  virtual bool leading() const = 0;
  virtual const QuorumCore& quorum() const = 0;
  // For tests and the simulator's checkers: what brokers have been or may be told. Call while the
  // shard does not run.
  virtual const MetadataImage& committed_image() const = 0;
};

}  // namespace soliton::controller

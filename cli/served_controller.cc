#include "cli/served_controller.h"

#include <fmt/format.h>

namespace soliton::cli {
namespace {

// So that a broker's data can lie beside it: each has a lock, an identity and a mark of a clean
// stop of its own.
constexpr std::string_view kControllerFolder = "controller";
// Where Kafka has it.
constexpr std::string_view kForeignMetadataLog = "__cluster_metadata-0";

controller::ControllerOptions ToOptions(const config::ControllerConfig& config) {
  controller::ControllerOptions options;
  options.node_id = config.node_id;
  options.cluster_id = config.cluster_id;
  options.listen = config.listener.endpoint;
  if (options.listen.host.empty()) options.listen.host = "0.0.0.0";
  options.voters = config.voters;
  options.advertised = config.advertised;
  options.data_directory = JoinPath(config.metadata_log_dir, kControllerFolder);
  options.broker_session_timeout = milliseconds(config.broker_session_timeout_ms);
  options.broker_silence_timeout = milliseconds(config.broker_silence_timeout_ms);
  options.quorum.election_timeout = milliseconds(config.quorum_election_timeout_ms);
  options.quorum.heartbeat_interval = options.quorum.election_timeout / 5;
  options.probe_timeout = milliseconds(config.controller_probe_timeout_ms);
  options.default_partitions = config.num_partitions;
  options.default_replication_factor = config.default_replication_factor;
  options.default_min_insync_replicas = config.min_insync_replicas;
  options.unclean_leader_election_enable = config.unclean_leader_election_enable;
  options.max_partitions_per_request = config.max_partitions_per_request;
  options.leader_imbalance_check_interval =
      config.auto_leader_rebalance_enable ? seconds(config.leader_imbalance_check_interval_seconds)
                                          : Duration::zero();
  options.leader_imbalance_percentage = config.leader_imbalance_per_broker_percentage;
  options.snapshot_interval_bytes = config.metadata_snapshot_interval_bytes;
  return options;
}

}  // namespace

std::string VoterNames(const std::map<int32_t, Endpoint>& voters) {
  std::string names;
  for (const auto& [node_id, endpoint] : voters) {
    if (!names.empty()) names += ", ";
    names += fmt::format("{} ({})", node_id, endpoint.ToString());
  }
  return names;
}

ServedController::ServedController(const config::ControllerConfig& config)
    : parent_directory_(config.metadata_log_dir), options_(ToOptions(config)) {}

absl::Status ServedController::Start(const Ports& ports, Events events) {
  if (absl::Status usable = CheckDirectory(*ports.files); !usable.ok()) return usable;
  options_.on_fatal = events.on_fatal;
  options_.on_ready = [this, on_ready = events.on_ready] {
    on_ready(fmt::format("listening on {}, data {}, cluster {}, {}", bound().ToString(),
                         options_.data_directory, node_->cluster_id(),
                         node_->leading() ? "leads the quorum" : "follows the quorum's leader"));
  };
  absl::StatusOr<std::unique_ptr<controller::ControllerNode>> node =
      controller::ControllerNode::Start(ports, options_);
  if (!node.ok()) return WithRemedy(node.status());
  node_ = *std::move(node);
  return absl::OkStatus();
}

absl::Status ServedController::WithRemedy(const absl::Status& why) const {
  if (!absl::IsDataLoss(why) || options_.voters.size() < 2) return why;
  return absl::DataLossError(fmt::format(
      "{}. While a majority of the controllers runs, {} may be removed: started again, this one "
      "gets everything from them",
      std::string(why.message()), options_.data_directory));
}

void ServedController::Stop(absl::AnyInvocable<void(absl::Status)> done) {
  if (node_ == nullptr) return done(absl::OkStatus());
  node_->Stop(std::move(done));
}

Endpoint ServedController::bound() const { return {options_.listen.host, node_->port()}; }

absl::Status ServedController::CheckDirectory(const FileSystem& files) const {
  const std::string foreign = JoinPath(parent_directory_, kForeignMetadataLog);
  if (!files.Exists(foreign)) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "{} is the metadata log of Apache Kafka or of an older release, and cannot be read here: "
      "point log.dirs (or metadata.log.dir) to another directory",
      foreign));
}

}  // namespace soliton::cli

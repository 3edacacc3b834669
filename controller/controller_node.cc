#include "controller/controller_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/active_controller.h"
#include "controller/broker_probe.h"
#include "controller/controller_server.h"
#include "controller/log/segment_metadata_log.h"
#include "controller/metadata_publisher.h"
#include "runtime/base/check.h"
#include "runtime/obs/logging.h"
#include "segment/data_directory.h"

namespace soliton::controller {
namespace {

constexpr Duration kMaxSessionCheckInterval = milliseconds(250);

CoreOptions ToCoreOptions(const ControllerOptions& options) {
  return {.node_id = options.node_id,
          .broker_session_timeout = options.broker_session_timeout,
          .default_partitions = options.default_partitions,
          .default_replication_factor = options.default_replication_factor,
          .default_min_insync_replicas = options.default_min_insync_replicas,
          .unclean_leader_election_enable = options.unclean_leader_election_enable,
          .max_partitions_per_request = options.max_partitions_per_request};
}

// The configured cluster id, else the directory's from an earlier start, else a new one.
absl::StatusOr<std::string> ChooseClusterId(FileSystem& files, const ControllerOptions& options,
                                            Random& random) {
  if (!options.cluster_id.empty()) return options.cluster_id;
  const std::string path = JoinPath(options.data_directory, "meta.properties");
  if (!files.Exists(path)) return Uuid::Generate(random).ToString();
  auto text = ReadFile(files, path);
  if (!text.ok()) return text.status();
  constexpr std::string_view kKey = "cluster.id=";
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.starts_with(kKey)) return std::string(line.substr(kKey.size()));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return absl::DataLossError(fmt::format("{} has no cluster.id", path));
}

class ControllerNodeImpl final : public ControllerNode {
 public:
  ControllerNodeImpl(const Ports& ports, const ControllerOptions& options)
      : ports_(ports),
        options_(options),
        shard_(ports.shards->shard(0)),
        core_(ToCoreOptions(options), shard_.random()) {}

  ~ControllerNodeImpl() override { CancelTimers(); }

  absl::Status Open() {
    if (absl::Status opened = OpenLog(); !opened.ok()) return opened;
    if (absl::Status replayed = ReplayLog(); !replayed.ok()) return replayed;
    controller_ = std::make_unique<ActiveController>(
        shard_, core_, *log_, publisher_, [this](const absl::Status& why) { OnFatal(why); });
    probe_ = std::make_unique<BrokerProbe>(
        *ports_.transport, shard_, options_.probe_timeout,
        [this](const BrokerIncarnation& broker) { controller_->FenceUnreachable(broker); });
    server_ = std::make_unique<ControllerServer>(
        shard_, *controller_, publisher_,
        [this](ConnectionId connection) { OnDisconnect(connection); });
    if (absl::Status active = controller_->Activate(cluster_id_); !active.ok()) return active;
    if (absl::Status listening = server_->Listen(*ports_.transport, options_.listen);
        !listening.ok()) {
      return listening;
    }
    ScheduleSessionCheck();
    // Brokers that outlived the last controller reconnect within milliseconds. One that has not
    // come by then may have died with it; its fresh session would hide that for long.
    settle_timer_ = shard_.ScheduleAfter(options_.probe_timeout, [this] {
      for (const BrokerIncarnation& broker : core_.UnconnectedBrokers()) Probe(broker);
    });
    LogInfo("controller {} of cluster {} listens on {}:{}, metadata offset {}", options_.node_id,
            cluster_id_, options_.listen.host, server_->port(), core_.image().offset);
    return absl::OkStatus();
  }

  void Stop(absl::AnyInvocable<void(absl::Status)> done) override {
    CancelTimers();
    probe_.reset();
    server_->Stop();
    if (controller_->stopped()) {
      return done(absl::FailedPreconditionError("the metadata log has failed"));
    }
    log_->Close([this, done = std::move(done)](absl::Status closed) mutable {
      done(closed.ok() ? directory_->MarkClean(-1) : closed);
    });
  }

  uint16_t port() const override { return server_->port(); }
  const std::string& cluster_id() const override { return cluster_id_; }
  const MetadataImage& committed_image() const override { return publisher_.image(); }

 private:
  absl::Status OpenLog() {
    auto cluster_id = ChooseClusterId(*ports_.files, options_, shard_.random());
    if (!cluster_id.ok()) return cluster_id.status();
    cluster_id_ = *std::move(cluster_id);
    auto directory = segment::DataDirectory::Open(*ports_.files, options_.data_directory,
                                                  cluster_id_, options_.node_id, shard_.random());
    if (!directory.ok()) return directory.status();
    directory_ = *std::move(directory);
    auto log = SegmentMetadataLog::Open(*ports_.files, *ports_.disk, shard_,
                                        {.directory = directory_->PartitionPath(kMetadataTopic, 0),
                                         .clean_shutdown = directory_->was_clean()});
    if (!log.ok()) return log.status();
    log_ = *std::move(log);
    return absl::OkStatus();
  }

  absl::Status ReplayLog() {
    absl::Status replayed = log_->Replay([this](const LoggedBatch& logged) -> absl::Status {
      int64_t offset = logged.batch.base_offset;
      for (const pb::MetadataRecord& record : logged.batch.records) {
        if (absl::Status applied = core_.Replay(record, offset++); !applied.ok()) return applied;
      }
      return publisher_.Apply(logged);
    });
    if (!replayed.ok()) return replayed;
    const std::string& logged_id = core_.image().cluster_id;
    if (logged_id.empty() || logged_id == cluster_id_) return absl::OkStatus();
    return absl::FailedPreconditionError(
        fmt::format("the metadata log in {} belongs to cluster {}, this process to {}",
                    options_.data_directory, logged_id, cluster_id_));
  }

  void ScheduleSessionCheck() {
    const Duration interval =
        std::min<Duration>(options_.broker_session_timeout / 10, kMaxSessionCheckInterval);
    session_timer_ = shard_.ScheduleAfter(interval, [this] {
      ScheduleSessionCheck();
      controller_->FenceExpired();
    });
  }

  void OnDisconnect(ConnectionId connection) {
    const auto broker = core_.Disconnected(connection);
    if (!broker || controller_->stopped()) return;
    Probe(*broker);
  }

  void Probe(const BrokerIncarnation& broker) {
    const BrokerInfo* info = core_.image().FindBroker(broker.broker_id);
    LogInfo("no control connection to broker {}, probing {}", broker.broker_id,
            info->endpoint.ToString());
    probe_->Start(broker, info->endpoint);
  }

  void CancelTimers() {
    shard_.CancelTimer(session_timer_);
    shard_.CancelTimer(settle_timer_);
  }

  void OnFatal(const absl::Status& why) {
    CancelTimers();
    // May run inside a connection's callback: let go of connections after it.
    shard_.Post([weak = std::weak_ptr<bool>(alive_), this] {
      if (!weak.expired()) server_->Stop();
    });
    if (options_.on_fatal) options_.on_fatal(why);
  }

  const Ports ports_;
  const ControllerOptions options_;
  Shard& shard_;
  std::string cluster_id_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<segment::DataDirectory> directory_;
  ControllerCore core_;
  MetadataPublisher publisher_;
  std::unique_ptr<SegmentMetadataLog> log_;
  std::unique_ptr<ActiveController> controller_;
  std::unique_ptr<BrokerProbe> probe_;
  std::unique_ptr<ControllerServer> server_;
  TimerId session_timer_ = 0;
  TimerId settle_timer_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ControllerNode>> ControllerNode::Start(
    const Ports& ports, const ControllerOptions& options) {
  CHECK(ports.shards->shard(0).IsCurrent(), "start a controller on its shard");
  auto node = std::make_unique<ControllerNodeImpl>(ports, options);
  if (absl::Status opened = node->Open(); !opened.ok()) return opened;
  return node;
}

}  // namespace soliton::controller

#include "controller/active_controller.h"

#include <algorithm>

#include "controller/metadata/convert.h"
#include "runtime/obs/logging.h"

namespace soliton::controller {
namespace {

// A broker may lead thousands of partitions; the log stays readable.
constexpr size_t kMaxLoggedLeaderChanges = 50;

void LogChanges(const ControllerResult& result) {
  const size_t shown = std::min(result.leader_changes.size(), kMaxLoggedLeaderChanges);
  for (size_t i = 0; i < shown; ++i) {
    const LeaderChange& change = result.leader_changes[i];
    LogInfo("{}: leader {} -> {}, leader epoch {}, from: {}; cause: {}",
            PartitionName(change.topic, change.partition), change.old_leader, change.new_leader,
            change.leader_epoch, ElectionKindName(change.election), result.cause);
  }
  if (shown < result.leader_changes.size()) {
    LogInfo("and {} more leader changes; cause: {}", result.leader_changes.size() - shown,
            result.cause);
  }
  for (const pb::MetadataRecord& record : result.records) {
    if (record.has_register_broker()) {
      const pb::RegisterBroker& broker = record.register_broker();
      LogInfo("broker {} registered with epoch {} at {}:{}", broker.broker_id(),
              broker.broker_epoch(), broker.host(), broker.port());
    } else if (record.has_broker_change() && record.broker_change().has_fenced()) {
      LogInfo("broker {} {}; cause: {}", record.broker_change().broker_id(),
              record.broker_change().fenced() ? "fenced" : "unfenced", result.cause);
    }
  }
}

}  // namespace

ActiveController::ActiveController(Shard& shard, ControllerCore& core, MetadataLog& log,
                                   MetadataPublisher& publisher, FatalHandler on_fatal)
    : shard_(shard),
      core_(core),
      log_(log),
      publisher_(publisher),
      on_fatal_(std::move(on_fatal)) {}

RequestContext ActiveController::Context(ConnectionId connection) const {
  return {.now = shard_.clock().Now(), .next_offset = log_.end_offset(), .connection = connection};
}

absl::Status ActiveController::Activate(const std::string& new_cluster_id) {
  log_.Start(this);
  Perform(core_.Activate(Context(0), new_cluster_id));
  return stopped_ ? absl::UnavailableError("the metadata log cannot be written") : absl::OkStatus();
}

void ActiveController::Handle(const pb::ControlRequest& request, ConnectionId connection,
                              Reply reply) {
  if (stopped_) return;
  ControllerResult result = core_.Handle(request, Context(connection));
  Perform(result);
  if (stopped_) return;
  deferred_.push_back({log_.end_offset(), std::move(result.response), std::move(reply)});
  ReleaseReplies();
}

void ActiveController::FenceExpired() {
  if (!stopped_) Perform(core_.FenceExpired(shard_.clock().Now()));
}

void ActiveController::FenceUnreachable(const BrokerIncarnation& broker) {
  if (!stopped_) Perform(core_.FenceUnreachable(broker));
}

void ActiveController::Perform(const ControllerResult& result) {
  if (result.records.empty()) return;
  const absl::StatusOr<int64_t> base_offset = log_.Append(result.records);
  if (!base_offset.ok()) return OnFailed(base_offset.status());
  int64_t offset = *base_offset;
  for (const pb::MetadataRecord& record : result.records) {
    if (absl::Status replayed = core_.Replay(record, offset++); !replayed.ok()) {
      return OnFailed(replayed);
    }
  }
  LogChanges(result);
}

void ActiveController::OnCommitted(const LoggedBatch& batch) {
  if (stopped_) return;
  if (absl::Status applied = publisher_.Apply(batch); !applied.ok()) return OnFailed(applied);
  publisher_.PumpAll();
  ReleaseReplies();
}

void ActiveController::ReleaseReplies() {
  while (!deferred_.empty() && deferred_.front().after_offset <= log_.committed_end_offset() &&
         deferred_.front().after_offset <= publisher_.committed_end_offset()) {
    Deferred next = std::move(deferred_.front());
    deferred_.pop_front();
    if (next.response.has_heartbeat()) {
      next.response.mutable_heartbeat()->set_committed_end_offset(
          publisher_.committed_end_offset());
    }
    next.reply(next.response);
  }
}

void ActiveController::OnFailed(const absl::Status& why) {
  if (std::exchange(stopped_, true)) return;
  LogError("the controller stops: {}", std::string(why.message()));
  deferred_.clear();
  on_fatal_(why);
}

}  // namespace soliton::controller

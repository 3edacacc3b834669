#include "controller/active_controller.h"

#include <algorithm>

#include "controller/metadata/convert.h"
#include "controller/metadata/image_records.h"
#include "runtime/obs/logging.h"

namespace soliton::controller {
namespace {

// A broker may lead thousands of partitions; the log stays readable.
constexpr size_t kMaxLoggedLeaderChanges = 50;
constexpr Duration kMaxSessionCheckInterval = milliseconds(250);
// Between two batches of leaderships that go back to preferred replicas.
constexpr Duration kBalanceAgainAfter = seconds(1);

// Each change has one line. Unclean elections are errors, counted in `unclean_elections`.
void LogLeaderChanges(const ControllerResult& result, int64_t* unclean_elections) {
  const size_t shown = std::min(result.leader_changes.size(), kMaxLoggedLeaderChanges);
  for (size_t i = 0; i < shown; ++i) {
    const LeaderChange& change = result.leader_changes[i];
    const std::string line = fmt::format(
        "{}: leader {} -> {}, leader epoch {}, from: {}; cause: {}",
        PartitionName(change.topic, change.partition), change.old_leader, change.new_leader,
        change.leader_epoch, ElectionKindName(change.election), result.cause);
    if (change.election == ElectionKind::kUnclean) {
      LogError("{}; unclean elections since this controller took charge: {}", line,
               ++*unclean_elections);
    } else {
      LogInfo("{}", line);
    }
  }
  const size_t more = result.leader_changes.size() - shown;
  if (more == 0) return;
  const auto unclean = std::count_if(
      result.leader_changes.begin() + static_cast<std::ptrdiff_t>(shown),
      result.leader_changes.end(),
      [](const LeaderChange& change) { return change.election == ElectionKind::kUnclean; });
  *unclean_elections += unclean;
  if (unclean == 0) {
    LogInfo("and {} more leader changes; cause: {}", more, result.cause);
  } else {
    LogError(
        "and {} more leader changes, {} of them UNCLEAN: acknowledged records may be lost; "
        "cause: {}; unclean elections since this controller took charge: {}",
        more, unclean, result.cause, *unclean_elections);
  }
}

void LogChanges(const ControllerResult& result, int64_t* unclean_elections) {
  LogLeaderChanges(result, unclean_elections);
  const size_t moves_shown = std::min(result.replica_moves.size(), kMaxLoggedLeaderChanges);
  for (size_t i = 0; i < moves_shown; ++i) {
    const ReplicaMove& move = result.replica_moves[i];
    const bool done = move.adding.empty() && move.removing.empty();
    LogInfo("{}: replicas {} -> {}{}; cause: {}", PartitionName(move.topic, move.partition),
            fmt::join(move.before, ","), fmt::join(move.now, ","),
            done ? std::string(", no reassignment is under way any more")
                 : fmt::format(", coming: {}, going: {}", fmt::join(move.adding, ","),
                               fmt::join(move.removing, ",")),
            result.cause);
  }
  if (moves_shown < result.replica_moves.size()) {
    LogInfo("and the replicas of {} more partitions; cause: {}",
            result.replica_moves.size() - moves_shown, result.cause);
  }
  for (const pb::MetadataRecord& record : result.records) {
    if (record.has_unregister_broker()) {
      LogInfo("broker {} unregistered", record.unregister_broker().broker_id());
    } else if (record.has_register_broker()) {
      const pb::RegisterBroker& broker = record.register_broker();
      LogInfo("broker {} registered with epoch {} at {}:{}", broker.broker_id(),
              broker.broker_epoch(), broker.host(), broker.port());
    } else if (record.has_voters()) {
      LogInfo("{}; the quorum has {} voters", result.cause, record.voters().voters_size());
    } else if (record.has_broker_change() && record.broker_change().has_fenced()) {
      LogInfo("broker {} {}; cause: {}", record.broker_change().broker_id(),
              record.broker_change().fenced() ? "fenced" : "unfenced", result.cause);
    }
  }
}

}  // namespace

ActiveController::ActiveController(Transport& transport, Shard& shard, Options options,
                                   QuorumReplica& log, const MetadataPublisher& committed,
                                   FatalHandler on_fatal)
    : shard_(shard),
      options_(std::move(options)),
      log_(log),
      committed_(committed),
      on_fatal_(std::move(on_fatal)),
      core_(options_.core, shard.random()),
      probe_(transport, shard, options_.probe_timeout,
             {.on_dead =
                  [this](const BrokerIncarnation& broker) {
                    if (MayDecide()) Perform(core_.FenceUnreachable(broker));
                  },
              .on_silent =
                  [this](const BrokerIncarnation& broker, MonotonicTime asked_at) {
                    if (MayDecide()) Perform(core_.FenceSilent(broker, asked_at));
                  }}) {}

ActiveController::~ActiveController() {
  shard_.CancelTimer(session_timer_);
  shard_.CancelTimer(settle_timer_);
  shard_.CancelTimer(balance_timer_);
}

void ActiveController::Start() {
  absl::Status replayed;
  ImageToRecords(committed_.image(), [&](const pb::MetadataRecord& record) {
    if (replayed.ok()) replayed = core_.Replay(record, committed_.image().offset);
  });
  if (!replayed.ok()) return Fail(replayed);
  Perform(core_.Activate(Context(0), options_.epoch, options_.new_cluster_id));
  ScheduleSessionCheck();
  ScheduleBalance(options_.balance_interval);
  // The controller before may have died together with a broker. Who is alive takes the call, and
  // reconnects within milliseconds; a fresh session would hide a dead one for long.
  ProbeUnconnected();
  settle_timer_ = shard_.ScheduleAfter(options_.probe_timeout, [this] { ProbeUnconnected(); });
}

RequestContext ActiveController::Context(ConnectionId connection) const {
  return {.now = shard_.clock().Now(), .next_offset = log_.end_offset(), .connection = connection};
}

void ActiveController::Handle(const pb::ControlRequest& request, ConnectionId connection,
                              Reply reply) {
  if (failed_) return;
  HandleDecided(core_.Handle(request, Context(connection)), std::move(reply));
}

void ActiveController::HandleDecided(ControllerResult result, Reply reply, bool without_commit) {
  if (failed_ || !Perform(result)) return;
  if (without_commit) return reply(result.response);
  deferred_.push_back({log_.end_offset(), std::move(result.response), std::move(reply)});
  ReleaseReplies();
}

void ActiveController::OnDisconnected(ConnectionId connection) {
  if (const auto broker = core_.Disconnected(connection)) Probe(*broker);
}

void ActiveController::ScheduleSessionCheck() {
  const Duration interval =
      std::min<Duration>({options_.core.broker_session_timeout / 10,
                          options_.core.broker_silence_timeout / 6, kMaxSessionCheckInterval});
  session_timer_ = shard_.ScheduleAfter(interval, [this] {
    ScheduleSessionCheck();
    if (!MayDecide()) return;
    const MonotonicTime now = shard_.clock().Now();
    Perform(core_.FenceExpired(now));
    for (const BrokerIncarnation& broker : core_.SilentBrokers(now)) {
      probe_.Start(broker, core_.image().FindBroker(broker.broker_id)->endpoint);
    }
  });
}

void ActiveController::ScheduleBalance(Duration delay) {
  if (options_.balance_interval == Duration::zero()) return;
  balance_timer_ = shard_.ScheduleAfter(delay, [this] {
    ControllerResult result;
    if (MayDecide()) result = core_.BalanceLeaders();
    ScheduleBalance(result.records.empty() ? options_.balance_interval : kBalanceAgainAfter);
    if (Perform(result) && !result.records.empty()) {
      LogInfo("{} leaderships went back to preferred replicas", result.records.size());
    }
  });
}

void ActiveController::Probe(const BrokerIncarnation& broker) {
  const BrokerInfo* info = core_.image().FindBroker(broker.broker_id);
  LogInfo("no control connection to broker {}, probing {}", broker.broker_id,
          info->endpoint.ToString());
  probe_.Start(broker, info->endpoint);
}

void ActiveController::ProbeUnconnected() {
  for (const BrokerIncarnation& broker : core_.UnconnectedBrokers()) Probe(broker);
}

bool ActiveController::Perform(const ControllerResult& result) {
  if (result.records.empty()) return true;
  const absl::StatusOr<int64_t> base_offset = log_.Append(result.records);
  if (!base_offset.ok()) {
    LogWarn("a decision of this controller was not written down: {}",
            std::string(base_offset.status().message()));
    return false;
  }
  int64_t offset = *base_offset;
  for (const pb::MetadataRecord& record : result.records) {
    if (absl::Status replayed = core_.Replay(record, offset++); !replayed.ok()) {
      Fail(replayed);
      return false;
    }
  }
  LogChanges(result, &unclean_elections_);
  return true;
}

void ActiveController::ReleaseReplies() {
  while (!deferred_.empty() &&
         deferred_.front().after_offset <= committed_.committed_end_offset()) {
    Deferred next = std::move(deferred_.front());
    deferred_.pop_front();
    if (next.response.has_heartbeat()) {
      next.response.mutable_heartbeat()->set_committed_end_offset(
          committed_.committed_end_offset());
    }
    if (next.response.has_register_broker()) {
      next.response.mutable_register_broker()->set_controller_epoch(options_.epoch);
      // A lost connection is asked after at once, silence later: either way with this patience.
      next.response.mutable_register_broker()->set_grace_ms(
          std::max<int64_t>(options_.probe_timeout / milliseconds(1), 1));
    }
    next.reply(next.response);
  }
}

void ActiveController::Fail(const absl::Status& why) {
  if (std::exchange(failed_, true)) return;
  deferred_.clear();
  on_fatal_(why);
}

}  // namespace soliton::controller

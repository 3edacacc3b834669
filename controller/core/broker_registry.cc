#include "controller/core/broker_registry.h"

#include <fmt/format.h>

#include <limits>

#include "controller/core/partition_elector.h"
#include "controller/metadata/convert.h"
#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;

pb::BrokerChange* AddBrokerChange(const BrokerInfo& broker, ControllerResult* result) {
  pb::BrokerChange* change = result->records.emplace_back().mutable_broker_change();
  change->set_broker_id(broker.broker_id);
  change->set_broker_epoch(broker.broker_epoch);
  return change;
}

// The disk is as the old incarnation left it: it knows that one's epoch, or one since which the
// broker was never unfenced. Incarnations may die between being registered and writing their epoch
// down, or after that; nothing was promised in their names.
bool KnowsItsPast(const BrokerInfo& known, int64_t previous_broker_epoch) {
  if (previous_broker_epoch == known.broker_epoch) return true;
  const bool between = !SOLITON_MUTANT("epochs_since_unfenced_prove_nothing") &&
                       previous_broker_epoch > known.confirmed_epoch &&
                       previous_broker_epoch < known.broker_epoch;
  if (previous_broker_epoch == known.confirmed_epoch || between) {
    SOMETIMES("a broker died between registering and writing its epoch down");
    return true;
  }
  return SOLITON_MUTANT("kip966_registration_incarnation");
}

void AddRegistration(const pb::RegisterBrokerRequest& request, int64_t broker_epoch,
                     int64_t confirmed_epoch, ControllerResult* result) {
  pb::RegisterBroker* record = result->records.emplace_back().mutable_register_broker();
  record->set_broker_id(request.broker_id());
  record->set_broker_epoch(broker_epoch);
  record->set_confirmed_epoch(confirmed_epoch);
  record->set_life(request.first_life());
  *record->mutable_incarnation_id() = request.incarnation_id();
  *record->mutable_directory_id() = request.directory_id();
  record->set_host(request.host());
  record->set_port(request.port());
  if (request.has_rack()) record->set_rack(request.rack());
  record->set_fenced(true);
}

}  // namespace

void BrokerRegistry::Activate(MonotonicTime now) {
  last_check_ = now;
  for (const auto& [id, broker] : state_.image().brokers) sessions_.Touch(id, now, 0);
}

ErrorCode BrokerRegistry::CheckEpoch(int32_t broker_id, int64_t broker_epoch) const {
  const BrokerInfo* broker = state_.image().FindBroker(broker_id);
  if (broker == nullptr) return ErrorCode::BROKER_ID_NOT_REGISTERED;
  return broker->broker_epoch == broker_epoch ? ErrorCode::NONE : ErrorCode::STALE_BROKER_EPOCH;
}

bool BrokerRegistry::SessionExpired(int32_t broker_id, MonotonicTime now) const {
  const BrokerSession* session = sessions_.Find(broker_id);
  return session == nullptr || now - session->last_contact > options_.broker_session_timeout;
}

int64_t BrokerRegistry::SessionTimeoutMs() const {
  return std::chrono::duration_cast<milliseconds>(options_.broker_session_timeout).count();
}

std::optional<ControllerResult> BrokerRegistry::RefuseRegistration(
    const pb::RegisterBrokerRequest& request, const BrokerInfo* known,
    const RequestContext& context) const {
  const std::string& cluster_id = state_.image().cluster_id;
  if (!request.cluster_id().empty() && request.cluster_id() != cluster_id) {
    return Refusal(ErrorCode::INCONSISTENT_CLUSTER_ID,
                   fmt::format("broker {} belongs to cluster {}, this is cluster {}",
                               request.broker_id(), request.cluster_id(), cluster_id));
  }
  // It has seen this cluster's metadata, and this is not all of it. To go on would be to take its
  // partitions for strangers' and set them aside.
  if (request.previous_broker_epoch() >= context.next_offset) {
    return Refusal(ErrorCode::INVALID_REGISTRATION,
                   fmt::format("broker {} was registered at offset {} of the metadata of cluster "
                               "{}, and this controller's ends at {}: metadata is missing here. "
                               "Restore the controller's data directory",
                               request.broker_id(), request.previous_broker_epoch(), cluster_id,
                               context.next_offset));
  }
  if (request.broker_id() < 0 || FromPb(request.incarnation_id()).is_zero() ||
      request.host().empty() || request.port() == 0 ||
      request.port() > std::numeric_limits<uint16_t>::max()) {
    return Refusal(ErrorCode::INVALID_REGISTRATION,
                   fmt::format("broker {} registers without a usable id, incarnation or address "
                               "({}:{})",
                               request.broker_id(), request.host(), request.port()));
  }
  if (known == nullptr || known->fenced) return std::nullopt;
  if (known->incarnation_id == FromPb(request.incarnation_id())) return std::nullopt;
  const BrokerSession* session = sessions_.Find(known->broker_id);
  const bool old_one_lives = session != nullptr && session->connection != 0 &&
                             session->connection != context.connection &&
                             !SessionExpired(known->broker_id, context.now);
  if (!old_one_lives) return std::nullopt;
  ControllerResult refusal =
      Refusal(ErrorCode::DUPLICATE_BROKER_REGISTRATION,
              fmt::format("node id {} is in use by the broker at {}, which is connected",
                          known->broker_id, known->endpoint.ToString()));
  refusal.response.mutable_register_broker()->set_session_timeout_ms(SessionTimeoutMs());
  return refusal;
}

int64_t BrokerRegistry::LifeOf(const BrokerInfo& broker) const {
  const BrokerSession* session = sessions_.Find(broker.broker_id);
  return session == nullptr ? broker.life : std::max(broker.life, session->life);
}

std::string BrokerRegistry::OlderCopy(const BrokerInfo& known,
                                      const pb::RegisterBrokerRequest& request) const {
  const bool same_disk = known.directory_id == FromPb(request.directory_id());
  const bool counts = request.first_life() > 0 && !SOLITON_MUTANT("older_disks_of_brokers_count");
  if (!same_disk || !counts || request.first_life() > LifeOf(known)) return "";
  SOMETIMES("a broker came back with an older copy of its disk");
  return fmt::format(
      "the data directory of broker {} is an older copy of itself (a backup, or a snapshot of the "
      "machine): it begins its life {}, and was heard in life {}. What it holds counts as lost "
      "until it has caught up",
      known.broker_id, request.first_life(), LifeOf(known));
}

ControllerResult BrokerRegistry::HandleRegister(const pb::RegisterBrokerRequest& request,
                                                const RequestContext& context) {
  const BrokerInfo* known = state_.image().FindBroker(request.broker_id());
  if (auto refusal = RefuseRegistration(request, known, context)) return *std::move(refusal);

  ControllerResult result;
  pb::RegisterBrokerResponse* response = result.response.mutable_register_broker();
  response->set_cluster_id(state_.image().cluster_id);
  response->set_session_timeout_ms(SessionTimeoutMs());
  if (known != nullptr && known->incarnation_id == FromPb(request.incarnation_id())) {
    sessions_.Touch(request.broker_id(), context.now, context.connection);
    response->set_broker_epoch(known->broker_epoch);
    return result;
  }
  const std::string older = known == nullptr ? "" : OlderCopy(*known, request);
  if (!older.empty()) response->set_warning(older);
  const bool intact =
      known != nullptr && older.empty() && KnowsItsPast(*known, request.previous_broker_epoch());
  if (known != nullptr) {
    // The old incarnation is over. What it held is intact only if the new one knows its end.
    BrokerTransition transition;
    transition.deactivated.insert(known->broker_id);
    if (!intact) SOMETIMES("a broker came back without its past");
    if (!intact) transition.lost_data.insert(known->broker_id);
    transition.lost_replicas_of = known->broker_id;
    for (const pb::LostReplica& lost : request.lost_replicas()) {
      SOMETIMES("a broker came back without one of its replicas");
      transition.lost_replicas.emplace(FromPb(lost.topic_id()), lost.partition());
    }
    if (!known->fenced) AddBrokerChange(*known, &result)->set_fenced(true);
    result.cause = older.empty() ? fmt::format("broker {} restarted", known->broker_id) : older;
    ElectPartitions(state_, options_, transition, &result);
  }
  const int64_t broker_epoch = context.next_offset + static_cast<int64_t>(result.records.size());
  AddRegistration(request, broker_epoch, intact ? known->confirmed_epoch : broker_epoch, &result);
  response->set_broker_epoch(broker_epoch);
  sessions_.Of(request.broker_id()) = BrokerSession{};
  sessions_.Touch(request.broker_id(), context.now, context.connection);
  return result;
}

ControllerResult BrokerRegistry::HandleHeartbeat(const pb::HeartbeatRequest& request,
                                                 const RequestContext& context) {
  const ErrorCode stale = CheckEpoch(request.broker_id(), request.broker_epoch());
  if (stale != ErrorCode::NONE) {
    return Refusal(stale,
                   fmt::format("broker {} epoch {}", request.broker_id(), request.broker_epoch()));
  }
  const BrokerInfo& broker = *state_.image().FindBroker(request.broker_id());
  sessions_.Touch(broker.broker_id, context.now, context.connection);
  BrokerSession& session = sessions_.Of(broker.broker_id);
  session.applied_offset = std::max(session.applied_offset, request.applied_offset());
  session.life = std::max(session.life, request.life());

  ControllerResult result;
  bool fenced = broker.fenced;
  if (request.wants_shutdown()) {
    if (!broker.shutting_down) {
      BeginShutdown(broker, context, &result);
    } else if (session.shutdown_offset < 0) {
      // It began under the controller before; by now its end is in the log.
      session.shutdown_offset = context.next_offset - 1;
    }
  } else if (request.stalled()) {
    // Where nobody else could lead, waiting for its disk is the best there is.
    if (!broker.fenced && AnyOtherUsable(broker.broker_id)) {
      SOMETIMES("a broker's disk stalled");
      Fence({broker.broker_id},
            fmt::format("the disk of broker {} does not move", broker.broker_id), &result);
      fenced = true;
    }
  } else if (broker.fenced && request.wants_unfence() &&
             request.applied_offset() >= broker.broker_epoch) {
    Unfence(broker, &result);
    fenced = false;
  }
  pb::HeartbeatResponse* response = result.response.mutable_heartbeat();
  response->set_fenced(fenced);
  response->set_may_stop(request.wants_shutdown() && result.records.empty() &&
                         MayStop(broker, session));
  if (request.confirm() && result.records.empty()) {
    SOMETIMES("a broker that was paused asked whether this controller leads");
    result.records.emplace_back().mutable_no_op();
  }
  return result;
}

bool BrokerRegistry::AnyOtherUsable(int32_t broker_id) const {
  const auto& brokers = state_.image().brokers;
  return std::any_of(brokers.begin(), brokers.end(), [broker_id](const auto& entry) {
    return entry.first != broker_id && entry.second.usable();
  });
}

void BrokerRegistry::Unfence(const BrokerInfo& broker, ControllerResult* result) const {
  AddBrokerChange(broker, result)->set_fenced(false);
  BrokerTransition transition;
  // One that is shutting down does not become a candidate again by being unfenced.
  if (!broker.shutting_down) transition.activated.insert(broker.broker_id);
  result->cause = fmt::format("broker {} is back", broker.broker_id);
  ElectPartitions(state_, options_, transition, result);
}

void BrokerRegistry::BeginShutdown(const BrokerInfo& broker, const RequestContext& context,
                                   ControllerResult* result) {
  pb::BrokerChange* change = AddBrokerChange(broker, result);
  change->set_shutting_down(true);
  change->set_life(LifeOf(broker));
  BrokerTransition transition;
  transition.deactivated.insert(broker.broker_id);
  result->cause = fmt::format("broker {} shuts down", broker.broker_id);
  ElectPartitions(state_, options_, transition, result);
  sessions_.Of(broker.broker_id).shutdown_offset =
      context.next_offset + static_cast<int64_t>(result->records.size()) - 1;
}

// All leaderships are gone since the shutdown began (they went in one batch); it remains that the
// brokers which took over know about it.
bool BrokerRegistry::MayStop(const BrokerInfo& broker, const BrokerSession& session) const {
  if (broker.fenced) return true;
  for (const auto& [id, other] : state_.image().brokers) {
    if (id == broker.broker_id || !other.usable()) continue;
    const BrokerSession* others = sessions_.Find(id);
    if (others == nullptr || others->applied_offset < session.shutdown_offset) return false;
  }
  return true;
}

void BrokerRegistry::Fence(const std::vector<int32_t>& broker_ids, std::string cause,
                           ControllerResult* result) const {
  BrokerTransition transition;
  for (const int32_t id : broker_ids) {
    pb::BrokerChange* change = AddBrokerChange(*state_.image().FindBroker(id), result);
    change->set_fenced(true);
    // Its process may be gone, and this controller too before it is back.
    change->set_life(LifeOf(*state_.image().FindBroker(id)));
    transition.deactivated.insert(id);
  }
  result->cause = std::move(cause);
  ElectPartitions(state_, options_, transition, result);
}

ControllerResult BrokerRegistry::FenceExpired(MonotonicTime now) {
  const Duration patience =
      std::min(options_.broker_session_timeout, options_.broker_silence_timeout);
  const bool was_stalled = now - last_check_ > patience / 2;
  last_check_ = now;
  if (was_stalled) {
    for (const auto& [id, broker] : state_.image().brokers) sessions_.Of(id).last_contact = now;
    return {};
  }
  std::vector<int32_t> expired;
  for (const auto& [id, broker] : state_.image().brokers) {
    if (!broker.fenced && SessionExpired(id, now)) expired.push_back(id);
  }
  ControllerResult result;
  if (expired.empty()) return result;
  SOMETIMES("a broker's session timed out");
  Fence(expired, fmt::format("session of broker {} timed out", fmt::join(expired, ", ")), &result);
  return result;
}

ControllerResult BrokerRegistry::FenceUnreachable(const BrokerIncarnation& broker) {
  ControllerResult result;
  const BrokerInfo* known = state_.image().FindBroker(broker.broker_id);
  const BrokerSession* session = sessions_.Find(broker.broker_id);
  const bool back = session != nullptr && session->connection != 0;
  if (known == nullptr || known->broker_epoch != broker.broker_epoch || known->fenced || back) {
    return result;
  }
  Fence({broker.broker_id},
        fmt::format("broker {} is dead: its address refuses connections", broker.broker_id),
        &result);
  return result;
}

std::vector<BrokerIncarnation> BrokerRegistry::Silent(MonotonicTime now) const {
  std::vector<BrokerIncarnation> silent;
  for (const auto& [id, broker] : state_.image().brokers) {
    const BrokerSession* session = sessions_.Find(id);
    if (broker.fenced || session == nullptr) continue;
    if (now - session->last_contact > options_.broker_silence_timeout) {
      silent.push_back({id, broker.broker_epoch});
    }
  }
  return silent;
}

ControllerResult BrokerRegistry::FenceSilent(const BrokerIncarnation& broker,
                                             MonotonicTime asked_at) {
  ControllerResult result;
  const BrokerInfo* known = state_.image().FindBroker(broker.broker_id);
  const BrokerSession* session = sessions_.Find(broker.broker_id);
  const bool heard = session != nullptr && session->last_contact > asked_at;
  if (known == nullptr || known->broker_epoch != broker.broker_epoch || known->fenced || heard) {
    return result;
  }
  SOMETIMES("a silent broker was fenced");
  Fence({broker.broker_id},
        fmt::format("broker {} is silent, and does not answer when asked", broker.broker_id),
        &result);
  return result;
}

ControllerResult BrokerRegistry::HandleUnregister(const pb::UnregisterBrokerRequest& request) {
  const int32_t id = request.broker_id();
  const BrokerInfo* known = state_.image().FindBroker(id);
  if (known == nullptr) {
    return Refusal(ErrorCode::BROKER_ID_NOT_REGISTERED,
                   fmt::format("Broker ID {} is not currently registered", id));
  }
  if (!known->fenced) {
    return Refusal(ErrorCode::INVALID_REQUEST,
                   fmt::format("broker {} is running at {} and would register again: stop it first",
                               id, known->endpoint.ToString()));
  }
  ControllerResult result;
  result.cause = fmt::format("broker {} was unregistered", id);
  BrokerTransition transition;
  transition.deactivated.insert(id);
  transition.lost_data.insert(id);
  ElectPartitions(state_, options_, transition, &result);
  pb::UnregisterBroker* record = result.records.emplace_back().mutable_unregister_broker();
  record->set_broker_id(id);
  record->set_broker_epoch(known->broker_epoch);
  sessions_.Forget(id);
  return result;
}

std::optional<BrokerIncarnation> BrokerRegistry::Disconnected(ConnectionId connection) {
  const std::optional<int32_t> id = sessions_.Disconnect(connection);
  const BrokerInfo* broker = id ? state_.image().FindBroker(*id) : nullptr;
  if (broker == nullptr || broker->fenced) return std::nullopt;
  return BrokerIncarnation{broker->broker_id, broker->broker_epoch};
}

std::vector<BrokerProgress> BrokerRegistry::Followers() const {
  std::vector<BrokerProgress> followers;
  for (const auto& [id, broker] : state_.image().brokers) {
    const BrokerSession* session = sessions_.Find(id);
    if (session == nullptr || session->connection == 0) continue;
    followers.push_back({.broker_id = id,
                         .directory_id = broker.directory_id,
                         .applied_offset = session->applied_offset,
                         .last_contact = session->last_contact});
  }
  return followers;
}

std::vector<BrokerIncarnation> BrokerRegistry::Unconnected() const {
  std::vector<BrokerIncarnation> unconnected;
  for (const auto& [id, broker] : state_.image().brokers) {
    const BrokerSession* session = sessions_.Find(id);
    const bool connected = session != nullptr && session->connection != 0;
    if (!broker.fenced && !connected) unconnected.push_back({id, broker.broker_epoch});
  }
  return unconnected;
}

}  // namespace soliton::controller

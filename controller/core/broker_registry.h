// Brokers: registration, heartbeats, fencing, controlled shutdown (KIP-631, KIP-841, KIP-966).
//   - A broker epoch is the offset of the registration record. The same incarnation asking again
//   keeps it
//     (KAFKA-16952); every other incarnation gets a larger one, and requests with an older one are
//     refused.
//   - A broker starts fenced: it neither leads nor counts as in sync. It is unfenced when it asks
//   for it and has
//     applied its own registration; being behind a busy log's end does not matter (KAFKA-13959).
//   - A new incarnation replaces the old one at once when the old one's control connection is gone;
//   while that is
//     open it is refused (101) until the session has run out.
//   - Fencing takes all partitions of the broker along in the same batch of records.
// Volatile session data changes in Handle*, replicated state only in Replay. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "controller/core/broker_sessions.h"
#include "controller/core/cluster_state.h"
#include "controller/core/core_types.h"

namespace soliton::controller {

class BrokerRegistry {
 public:
  BrokerRegistry(const ClusterState& state, const CoreOptions& options)
      : state_(state), options_(options) {}

  // This controller becomes active: every registered broker gets a whole session from now on.
  void Activate(MonotonicTime now);

  ControllerResult HandleRegister(const pb::RegisterBrokerRequest& request,
                                  const RequestContext& context);
  ControllerResult HandleHeartbeat(const pb::HeartbeatRequest& request,
                                   const RequestContext& context);

  // Forgets a fenced broker (UnregisterBroker): what it held counts as lost. Its partitions keep it
  // among their replicas until they are reassigned. A live one is refused: it would register again.
  ControllerResult HandleUnregister(const pb::UnregisterBrokerRequest& request);

  // Fences every broker that has been silent for longer than the session timeout, in one batch. To
  // be called several times per session timeout: a long pause between two calls means that this
  // controller itself did not run, so silence proves nothing and everybody gets a fresh session.
  ControllerResult FenceExpired(MonotonicTime now);
  // The broker's endpoint refuses connections. Nothing happens when it is fenced, replaced, or back
  // already.
  ControllerResult FenceUnreachable(const BrokerIncarnation& broker);
  // Unfenced brokers that have been silent for the silence timeout: to be asked directly. Behind
  // FenceExpired.
  std::vector<BrokerIncarnation> Silent(MonotonicTime now) const;
  // It was asked at `asked_at` and does not answer. Nothing happens when it is fenced or replaced,
  // or was heard of since.
  ControllerResult FenceSilent(const BrokerIncarnation& broker, MonotonicTime asked_at);
  // A connection closed. Returns the broker to probe: registered, unfenced, and this was its
  // control connection.
  std::optional<BrokerIncarnation> Disconnected(ConnectionId connection);

  // Unfenced brokers without a control connection: after a change of controllers, those that have
  // not come yet.
  std::vector<BrokerIncarnation> Unconnected() const;

  // Connected brokers.
  std::vector<BrokerProgress> Followers() const;

  // NONE when `broker_epoch` is the registered one of `broker_id`.
  kafka::ErrorCode CheckEpoch(int32_t broker_id, int64_t broker_epoch) const;

 private:
  int64_t SessionTimeoutMs() const;
  bool SessionExpired(int32_t broker_id, MonotonicTime now) const;
  std::optional<ControllerResult> RefuseRegistration(const pb::RegisterBrokerRequest& request,
                                                     const BrokerInfo* known,
                                                     const RequestContext& context) const;
  void Fence(const std::vector<int32_t>& broker_ids, std::string cause,
             ControllerResult* result) const;
  bool AnyOtherUsable(int32_t broker_id) const;
  void Unfence(const BrokerInfo& broker, ControllerResult* result) const;
  void BeginShutdown(const BrokerInfo& broker, const RequestContext& context,
                     ControllerResult* result);
  bool MayStop(const BrokerInfo& broker, const BrokerSession& session) const;
  // The largest life of its data directory that was heard, or written down.
  int64_t LifeOf(const BrokerInfo& broker) const;
  // "" unless it comes with an older copy of its data directory.
  std::string OlderCopy(const BrokerInfo& known, const pb::RegisterBrokerRequest& request) const;

  const ClusterState& state_;
  const CoreOptions& options_;
  BrokerSessions sessions_;
  MonotonicTime last_check_;
};

}  // namespace soliton::controller

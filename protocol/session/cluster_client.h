// A client's access to a whole cluster: a bootstrap list, one connection per broker made on demand,
// and a metadata view that is kept fresh. Shared by producer, consumer and admin commands.
//
// When a connection is lost or a leader is found to have moved, metadata is asked for at once, from
// another broker if one is known; while answers do not help, again after 5 ms, 10 ms, ... 1 s (with
// jitter): a broker may be asked a moment before it knows what the client knows, and a cluster
// decides on a dead leader within some milliseconds. A broker that does not answer within
// `refresh_patience` is not waited for: another is asked too, and the first answer counts.
//
// Owned by one shard; all methods are called and all callbacks run there, never inside a call.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "protocol/session/backoff.h"
#include "protocol/session/broker_directory.h"
#include "protocol/session/client_channel.h"
#include "protocol/session/metadata_cache.h"
#include "runtime/loop/shard.h"
#include "runtime/net/transport.h"

namespace soliton::kafka {

struct ClusterClientOptions {
  std::vector<Endpoint> bootstrap;  // at least one
  ChannelOptions channel;
  Duration request_timeout = seconds(30);
  Duration metadata_max_age = seconds(300);
  Duration refresh_backoff_initial = milliseconds(5);
  Duration refresh_backoff_max = milliseconds(1000);
  Duration refresh_patience = milliseconds(100);
  // Whether asking for an unknown topic may create it (where the broker allows that).
  bool allow_auto_topic_creation = false;
};

class ClusterClient {
 public:
  ClusterClient(Shard& shard, Transport& transport, ClusterClientOptions options);
  ~ClusterClient();
  ClusterClient(const ClusterClient&) = delete;
  ClusterClient& operator=(const ClusterClient&) = delete;

  const MetadataCache& metadata() const { return cache_; }
  // `callback` runs after every answer or hint that was taken into metadata(). Cannot be taken
  // back: it must stay valid as long as this object.
  void OnMetadata(std::function<void()> callback) { listeners_.push_back(std::move(callback)); }
  // Runs when asking for metadata failed; more attempts follow by themselves.
  void OnRefreshFailure(std::function<void(const absl::Status&)> callback) {
    failure_listeners_.push_back(std::move(callback));
  }

  // Runs when some connection has sent all that it was given (see ClientChannel::unsent_bytes).
  void OnDrained(std::function<void()> callback) {
    drained_listeners_.push_back(std::move(callback));
  }

  // Keeps a topic in metadata(). Asks for it at once when it is new.
  void Watch(const std::string& topic);
  // Keeps all topics of the cluster in metadata().
  void WatchAll();
  // Metadata is stale: asks again, now or after the back-off.
  void RequestRefresh();
  // Kafka's leader hint in produce and fetch errors (KIP-951). `broker` is the leader's address
  // when the answer carried it.
  void ApplyHint(const std::string& topic, int32_t partition, PartitionLeader leader,
                 const std::optional<BrokerInfo>& broker);
  // Why the last attempt to get metadata failed; OK after one succeeded.
  const absl::Status& last_refresh_error() const { return last_error_; }

  // The connection to a broker, made when there is none. Null when its address is not known. Valid
  // until the next task.
  ClientChannel* ChannelTo(int32_t node_id);

  template <class Request>
  void Send(int32_t node_id, Request request, Duration timeout,
            absl::AnyInvocable<void(absl::StatusOr<ResponseOf<Request>>)> done,
            int16_t max_version = Request::kMaxVersion) {
    ClientChannel* channel = ChannelTo(node_id);
    if (channel == nullptr) {
      shard_.Post([done = std::move(done), node_id, alive = std::weak_ptr(alive_)]() mutable {
        if (!alive.expired()) done(UnknownBroker(node_id));
      });
      RequestRefresh();
      return;
    }
    channel->Send(std::move(request), timeout, std::move(done), max_version);
  }

  // To whichever broker looks best. One attempt.
  template <class Request>
  void SendToAny(Request request, Duration timeout,
                 absl::AnyInvocable<void(absl::StatusOr<ResponseOf<Request>>)> done,
                 int16_t max_version = Request::kMaxVersion) {
    ChannelAt(directory_.Pick(Connected()))
        .Send(std::move(request), timeout, std::move(done), max_version);
  }

  Shard& shard() { return shard_; }
  const ClusterClientOptions& options() const { return options_; }

 private:
  static absl::Status UnknownBroker(int32_t node_id);

  ClientChannel& ChannelAt(const Endpoint& endpoint);
  std::set<Endpoint> Connected() const;
  // The last word of `channel`; it goes.
  void OnChannelClosed(const Endpoint& endpoint, const ClientChannel* channel);
  void StartAttempt();
  void OnPatienceEnded(const Endpoint& slow);
  void OnAnswer(uint64_t round, const Endpoint& from,
                const std::optional<std::set<std::string>>& asked_for,
                const MetadataResponse& response);
  void AttemptFailed(uint64_t round, const Endpoint& from, const absl::Status& why);
  // Whether some watched topic lacks a leader or is not there yet.
  bool SomethingMissing() const;
  void ScheduleAttempt(Duration delay);
  void SchedulePeriodic();
  void CancelTimers();
  void Notify();

  Shard& shard_;
  Transport& transport_;
  const ClusterClientOptions options_;
  MetadataCache cache_;
  BrokerDirectory directory_;
  std::map<Endpoint, std::unique_ptr<ClientChannel>> channels_;
  // Closed and replaced, with failures on their way to whoever waits for answers: destroying them
  // would drop those.
  std::vector<std::unique_ptr<ClientChannel>> closing_channels_;
  std::vector<std::function<void()>> listeners_;
  std::vector<std::function<void(const absl::Status&)>> failure_listeners_;

  std::vector<std::function<void()>> drained_listeners_;

  std::set<std::string> watched_;
  bool watch_all_ = false;
  Backoff backoff_;
  // A round is one need for metadata: it asks one broker, more when that one is slow, and ends with
  // the first answer. Questions of ended rounds may still be outstanding.
  uint64_t round_ = 0;
  bool round_open_ = false;
  int questions_in_round_ = 0;
  bool refresh_again_ = false;  // wanted while a round was open
  MonotonicTime last_request_{};
  TimerId attempt_timer_ = 0;
  TimerId patience_timer_ = 0;
  TimerId periodic_timer_ = 0;
  absl::Status last_error_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace soliton::kafka

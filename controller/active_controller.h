// The shell around the brain, for as long as this controller leads the quorum: handles one event at
// a time (request, tick, lost broker), appends and replays its records, and lets replies out when
// they are committed. Replies wait for everything appended before them, too: what they say may rest
// on it. Followers get a batch before its replies go out, so a broker that is told of a change on
// the same connection has it already.
//
// The brain begins with what is committed and runs ahead of it by the batches in flight. When this
// controller leads no more, that state has no ground: the whole object goes, and replies that wait
// with it. Owned by the controller's shard.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "controller/broker_probe.h"
#include "controller/core/controller_core.h"
#include "controller/metadata_publisher.h"
#include "controller/quorum/quorum_replica.h"
#include "runtime/loop/shard.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

class ActiveController {
 public:
  using Reply = absl::AnyInvocable<void(const pb::ControlResponse&)>;
  using FatalHandler = std::function<void(const absl::Status&)>;

  struct Options {
    CoreOptions core;
    Duration probe_timeout;
    // Between two looks for leaderships that preferred replicas lack; zero: never.
    Duration balance_interval;
    int32_t epoch = 0;           // of the quorum
    std::string new_cluster_id;  // when the log has none
  };

  // `log` leads, and `committed` has all that it has. Both outlive this. `on_fatal` is told once
  // when log and state contradict each other; the log tells of its own failures itself.
  ActiveController(Transport& transport, Shard& shard, Options options, QuorumReplica& log,
                   const MetadataPublisher& committed, FatalHandler on_fatal);
  ~ActiveController();

  // Takes charge.
  void Start();
  // `reply` runs later or before this returns, or never when this controller stops leading.
  void Handle(const pb::ControlRequest& request, ConnectionId connection, Reply reply);
  // Writes down what was decided elsewhere, and replies when that is committed, or already then.
  void HandleDecided(ControllerResult result, Reply reply, bool without_commit = false);
  // A connection is gone, perhaps a broker's.
  void OnDisconnected(ConnectionId connection);
  // Brokers that follow the metadata.
  std::vector<BrokerProgress> Followers() const { return core_.Followers(); }
  // `committed` has grown.
  void OnCommitted() { ReleaseReplies(); }

 private:
  struct Deferred {
    int64_t after_offset;  // runs when the committed end offset has reached it
    pb::ControlResponse response;
    Reply reply;
  };

  bool MayDecide() const { return log_.may_append() && !failed_; }
  RequestContext Context(ConnectionId connection) const;
  // Appends and replays the records of `result`; logs what they do. False when that did not work:
  // nothing was decided.
  bool Perform(const ControllerResult& result);
  void ReleaseReplies();
  void ScheduleSessionCheck();
  void ScheduleBalance(Duration delay);
  void Probe(const BrokerIncarnation& broker);
  void ProbeUnconnected();
  void Fail(const absl::Status& why);

  Shard& shard_;
  const Options options_;
  QuorumReplica& log_;
  const MetadataPublisher& committed_;
  FatalHandler on_fatal_;
  ControllerCore core_;
  BrokerProbe probe_;
  std::deque<Deferred> deferred_;
  TimerId session_timer_ = 0;
  TimerId settle_timer_ = 0;
  TimerId balance_timer_ = 0;
  int64_t unclean_elections_ = 0;  // since it took charge
  bool failed_ = false;
};

}  // namespace soliton::controller

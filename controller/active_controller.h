// The shell around the brain: handles one event at a time (request, tick, lost broker), appends and
// replays its records, and lets replies out when they are committed. Replies wait for everything
// appended before them, too: what they say may rest on it. Followers get a batch before its replies
// go out, so a broker that is told of a change on the same connection has it already.
//
// The brain runs ahead of the log by the batches in flight. Should the log fail, that state has no
// ground: the controller stops for good (on_fatal) and a restart replays what was really written.
// Owned by the controller's shard.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "controller/core/controller_core.h"
#include "controller/log/metadata_log.h"
#include "controller/metadata_publisher.h"
#include "runtime/loop/shard.h"

namespace soliton::controller {

class ActiveController final : public MetadataLog::Listener {
 public:
  using Reply = absl::AnyInvocable<void(const pb::ControlResponse&)>;
  using FatalHandler = std::function<void(const absl::Status&)>;

  // `core` has replayed the log, `publisher` too. All outlive this.
  ActiveController(Shard& shard, ControllerCore& core, MetadataLog& log,
                   MetadataPublisher& publisher, FatalHandler on_fatal);

  // Takes charge. An error: the log does not take the first records.
  absl::Status Activate(const std::string& new_cluster_id);

  // `reply` runs later or before this returns, or never when the controller stops.
  void Handle(const pb::ControlRequest& request, ConnectionId connection, Reply reply);
  void FenceExpired();
  void FenceUnreachable(const BrokerIncarnation& broker);

  void OnCommitted(const LoggedBatch& batch) override;
  void OnFailed(const absl::Status& why) override;

  bool stopped() const { return stopped_; }

 private:
  struct Deferred {
    int64_t after_offset;  // runs when the committed end offset has reached it
    pb::ControlResponse response;
    Reply reply;
  };

  RequestContext Context(ConnectionId connection) const;
  // Appends and replays the records of `result`; logs what they do.
  void Perform(const ControllerResult& result);
  void ReleaseReplies();

  Shard& shard_;
  ControllerCore& core_;
  MetadataLog& log_;
  MetadataPublisher& publisher_;
  FatalHandler on_fatal_;
  std::deque<Deferred> deferred_;
  bool stopped_ = false;
};

}  // namespace soliton::controller

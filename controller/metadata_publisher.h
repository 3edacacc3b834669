// Publishes the committed metadata log: keeps the committed state and the newest batches, and
// pushes every subscriber what it lacks, at once. A subscriber that is too far behind for the
// batches kept gets a snapshot of the state instead. One that reads slowly is not sent more than a
// bounded amount; it catches up when drained. Owned by the controller's shard.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "controller/core/core_types.h"
#include "controller/log/metadata_log.h"
#include "controller/metadata/metadata_builder.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

class MetadataPublisher {
 public:
  struct Options {
    int64_t kept_bytes = 16 << 20;       // of newest batches
    int64_t max_unsent_bytes = 8 << 20;  // per subscriber
    int64_t push_bytes = 1 << 20;        // about this much per frame
  };

  MetadataPublisher() : MetadataPublisher(Options{}) {}
  explicit MetadataPublisher(const Options& options) : options_(options) {}

  // The next committed batch. An error means that the log contradicts itself.
  absl::Status Apply(const LoggedBatch& batch);
  // Replaces everything by the state that these records lead to, at `offset`, which lies ahead.
  absl::Status Reset(const std::vector<pb::MetadataRecord>& records, int64_t offset);
  // Pushes what was applied to all subscribers.
  void PumpAll();

  int64_t committed_end_offset() const { return committed_.state().offset + 1; }
  const MetadataImage& image() const { return committed_.state(); }

  // kOutOfRange when `next_offset` lies beyond the committed log. `connection` stays the caller's
  // and must be unsubscribed before it goes.
  absl::Status Subscribe(ConnectionId id, FramedConnection* connection, int64_t next_offset);
  void Unsubscribe(ConnectionId id) { subscribers_.erase(id); }
  void OnDrained(ConnectionId id);

 private:
  struct Subscriber {
    FramedConnection* connection = nullptr;
    int64_t next_offset = 0;
  };
  struct Kept {
    int64_t base_offset;
    int64_t end_offset;
    Buffer bytes;
  };

  void Pump(Subscriber& subscriber);
  void PushBatches(Subscriber& subscriber);
  void PushSnapshot(Subscriber& subscriber);

  const Options options_;
  MetadataBuilder committed_;
  std::deque<Kept> kept_;
  int64_t kept_bytes_ = 0;
  std::map<ConnectionId, Subscriber> subscribers_;
};

// One frame of the control plane.
template <typename Message>
BufferChain EncodeFrame(const Message& message) {
  const size_t size = message.ByteSizeLong();
  Buffer buffer = Buffer::Allocate(size);
  message.SerializeWithCachedSizesToArray(buffer.mutable_data());
  return BufferChain(std::move(buffer));
}

}  // namespace soliton::controller

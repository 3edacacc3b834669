// The metadata log as the controller sees it: batches of records that are applied as a whole,
// appended by one writer, and committed in order. Behind it is one segment log now and a quorum
// later: the controller must only rely on what is written here. Owned by the controller's shard.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/metadata/metadata_batch.h"
#include "runtime/base/buffer.h"

namespace soliton::controller {

struct LoggedBatch {
  MetadataBatch batch;
  Buffer bytes;  // the record batch as it is on disk; goes to followers unchanged
};

class MetadataLog {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // `batch` is durable on a majority. Called once per batch, in the order of the log.
    virtual void OnCommitted(const LoggedBatch& batch) = 0;
    // Some batches will never be known to be committed. Nothing follows; whoever has acted on
    // uncommitted batches is ahead of the log and must stop.
    virtual void OnFailed(const absl::Status& why) = 0;
  };

  virtual ~MetadataLog() = default;
  // Calls `apply` with every committed batch, oldest first. Blocks; before the first append. Stops
  // at the first error and returns it.
  virtual absl::Status Replay(
      const std::function<absl::Status(const LoggedBatch& batch)>& apply) = 0;
  // From now on commits are reported to `listener`, which must outlive the log or its Close.
  virtual void Start(Listener* listener) = 0;
  // Appends `records` (at least one) as one atomic batch. Returns its base offset, which is
  // end_offset() before. OnCommitted follows later, never inside this call.
  virtual absl::StatusOr<int64_t> Append(const std::vector<pb::MetadataRecord>& records) = 0;
  virtual int64_t end_offset() const = 0;
  virtual int64_t committed_end_offset() const = 0;
  // Makes a clean restart possible: waits for the flush that is running, then closes and calls
  // `done`, perhaps inside this call. The listener hears nothing more. Call once; no Append after.
  virtual void Close(absl::AnyInvocable<void(absl::Status)> done) = 0;
};

}  // namespace soliton::controller

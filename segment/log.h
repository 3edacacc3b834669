// One partition's log on disk. Owned by one shard, never locked; reads hand out FileRegions that
// stay valid while held. Layout of the folder `<topic>-<partition>`, Kafka's, so its tools can read
// it (20 digits name a base offset):
//   00000000000000000000.log        record batches, back to back
//   00000000000000000000.index      offset index: {i32 relative offset, i32 position}
//   00000000000000000000.timeindex  time index: {i64 timestamp, i32 relative offset}
//   00000000000000000123.snapshot   producer state up to (excluding) offset 123
//   leader-epoch-checkpoint         text: epoch -> start offset
//   partition.metadata              text: topic id
//   recovery-point.0, .1            ours: what is known to be durable (recovery_point_file.h)
//   sync-failed                     ours: a sync failed, see segment_recovery.h
//   damaged                         ours: damage was met when it was read, see damage_mark.h
//
// Offsets are half-open ranges: log_start_offset <= flushed_offset <= log_end_offset (exclusive).
// Invariants:
//   - offsets are contiguous; leader epochs along the log never decrease;
//   - bytes below flushed_offset are on disk with their directory entries;
//   - nothing is appended after an I/O error: the log is fenced (fatal_error) until it is opened
//     anew, because a failed fdatasync may have dropped pages that a second one reports as clean.
//     A full disk is no such error where nothing was promised yet: the operation is taken back,
//     answers kResourceExhausted (AppendResult::disk_full), and the log can be used as before.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protocol/record/record_batch.h"
#include "protocol/wire/error_code.h"
#include "runtime/base/buffer.h"
#include "runtime/base/file_region.h"
#include "runtime/base/uuid.h"
#include "runtime/file/file_system.h"
#include "runtime/loop/clock.h"
#include "segment/flush_ticket.h"
#include "segment/log_options.h"
#include "segment/state/epoch_end_offset.h"

namespace soliton::segment {

class ProducerStateTable;

// What a leader's append did.
struct AppendResult {
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  std::string error_message;               // for the client, when error != NONE
  std::vector<RecordError> record_errors;  // INVALID_RECORD / INVALID_TIMESTAMP details
  bool duplicate = false;                  // an idempotent producer's retry: nothing was written
  bool disk_full =
      false;  // KAFKA_STORAGE_ERROR because of that: nothing was written, the log goes on
  int64_t base_offset = -1;
  int64_t last_offset = -1;         // inclusive
  int64_t log_append_time_ms = -1;  // -1 with CreateTime
};

// Bytes of whole batches, ready to be sent. first_offset <= the offset asked for.
struct LogSlice {
  FileRegion region;
  int64_t first_offset = -1;
  int64_t end_offset = -1;  // next offset after the last batch in the region
};

struct TimestampOffset {
  int64_t timestamp_ms = -1;
  int64_t offset = -1;
  int32_t leader_epoch = -1;
};

struct OpenOptions {
  std::string directory;  // .../<topic>-<partition>; created when missing
  Uuid topic_id;          // checked against partition.metadata when that exists
  bool clean_shutdown =
      false;  // the data directory's marker was there: skip the scan of unflushed segments
  // The parent was synced after anybody else could have made the folder: an existing one's name is
  // durable.
  bool parent_synced = false;
};

class Log {
 public:
  // Opens or creates the log and recovers it: rebuilds missing or damaged indexes, verifies every
  // batch past the recovery point, cuts a torn tail, rebuilds producer state and epoch cache. After
  // an unclean stop what survived is synced before it is returned, so flushed_offset ==
  // log_end_offset. Blocks (disk thread or start).
  static absl::StatusOr<std::unique_ptr<Log>> Open(FileSystem& fs, const Clock& clock,
                                                   const LogOptions& options,
                                                   const OpenOptions& open);
  virtual ~Log() = default;  // does not flush: durability comes from tickets and CloseCleanly

  // ---- writing (owner shard) ----

  // Validates client batches, each by itself and in order, checks their producers' sequences,
  // stamps base offset and leader epoch in place and writes what passes, as much as goes together
  // with one write. Each of `batches` must be one request's `records` bytes, owned by the caller
  // alone. result[i] is that of batches[i]; nothing of it is written unless error == NONE and
  // !duplicate. KAFKA_STORAGE_ERROR when fenced, the write failed or the disk is full: a full disk
  // refuses those that do not fit and no others, an I/O error all that were to go with that write.
  virtual std::vector<AppendResult> AppendAsLeader(std::span<const Buffer> batches,
                                                   int32_t leader_epoch) = 0;
  AppendResult AppendAsLeader(const Buffer& batch, int32_t leader_epoch) {
    return std::move(AppendAsLeader(std::span(&batch, 1), leader_epoch).front());
  }

  // Appends batches exactly as a leader sent them (offsets and epochs already in them). The first
  // base offset must be log_end_offset (or the log must be empty of it: after
  // TruncateFullyAndStartAt), CRCs must match and epochs must not exceed `max_leader_epoch` (the
  // epoch the fetch was sent in; KAFKA-18723). A trailing incomplete batch is ignored. Returns the
  // number of batches written; when the disk has no room for the first one, kResourceExhausted.
  virtual absl::StatusOr<int> AppendAsFollower(Buffer batches, int32_t max_leader_epoch) = 0;

  // Assigns (epoch, log_end_offset) to the epoch cache: a new leader calls it before its first
  // append, so that an epoch in which nothing was written is known too (KIP-101). Durable with the
  // next flush.
  virtual void AssignLeaderEpoch(int32_t leader_epoch) = 0;

  // Removes everything at and above `offset`; with offset >= log_end_offset only an epoch that
  // begins at the end and holds nothing. Durable before it returns.
  virtual absl::Status TruncateTo(int64_t offset) = 0;
  // Drops all data and starts empty at `offset` (a follower that fell below its leader's log
  // start).
  virtual absl::Status TruncateFullyAndStartAt(int64_t offset) = 0;
  // Moves log_start_offset up (DeleteRecords, retention, a leader's answer); deletes whole segments
  // below it.
  virtual absl::Status AdvanceLogStart(int64_t offset) = 0;
  // Segments that retention by time or size may delete now, never at or above `limit_offset` (high
  // watermark). Advances log_start_offset accordingly. -1 = unlimited.
  virtual absl::Status ApplyRetention(int64_t retention_ms, int64_t retention_bytes,
                                      int64_t limit_offset) = 0;

  // ---- flushing ----

  // A ticket for everything appended so far; nullopt when nothing is unflushed or a ticket is out.
  virtual std::optional<FlushTicket> TakeFlush() = 0;
  // Whether TakeFlush would give one.
  virtual bool WantsFlush() const = 0;
  // Gives the ticket back. OK: flushed_offset rises (bounded by truncations meanwhile). Error:
  // fences the log.
  virtual void FlushDone(const FlushTicket& ticket, const absl::Status& result) = 0;
  // Flushes and writes what a clean start needs (producer snapshot, indexes). Blocks. The log is
  // closed after.
  virtual absl::Status CloseCleanly() = 0;

  // ---- reading ----

  // Whole batches from the one containing `offset` on, up to `upper_bound` (exclusive; must lie on
  // a batch boundary or at the end) and about max_bytes, from one segment. With
  // `at_least_one_batch` the first batch is returned even if it is larger. Empty region when offset
  // == upper_bound. kOutOfRange when offset lies outside [log_start_offset, log_end_offset].
  virtual absl::StatusOr<LogSlice> Read(int64_t offset, int64_t upper_bound, int64_t max_bytes,
                                        bool at_least_one_batch) = 0;
  // First record with timestamp >= `timestamp_ms` and offset < upper_bound; nullopt when there is
  // none. Walks records inside the batch found, decompressing when it must.
  virtual absl::StatusOr<std::optional<TimestampOffset>> FindByTimestamp(int64_t timestamp_ms,
                                                                         int64_t upper_bound) = 0;
  // The record with the largest timestamp (ListOffsets -3).
  virtual absl::StatusOr<std::optional<TimestampOffset>> FindMaxTimestamp(int64_t upper_bound) = 0;
  // KIP-101/279: largest known epoch <= `leader_epoch` and where it ends. {-1,-1} when nothing is
  // known.
  virtual EpochEndOffset EndOffsetForEpoch(int32_t leader_epoch) const = 0;
  // Epoch of the batch at the end of the log, or of the newest epoch entry; -1 when empty and never
  // led.
  virtual int32_t latest_leader_epoch() const = 0;
  // Epoch that `offset` was written in, -1 when unknown.
  virtual int32_t LeaderEpochOf(int64_t offset) const = 0;

  // Valid until the log changes.
  virtual const ProducerStateTable& producers() const = 0;

  virtual int64_t log_start_offset() const = 0;
  virtual int64_t log_end_offset() const = 0;
  virtual int64_t flushed_offset() const = 0;
  virtual int64_t size_bytes() const = 0;
  virtual int segment_count() const = 0;
  virtual const Uuid& topic_id() const = 0;
  virtual const std::string& directory() const = 0;
  // Not OK once the log is fenced by an I/O error.
  virtual const absl::Status& fatal_error() const = 0;

  virtual void SetOptions(const LogOptions& options) = 0;
  // Drops producers idle for longer than producer_id_expiration_ms.
  virtual void ExpireProducers() = 0;
  // Whether the log remembers batches of this producer.
  virtual bool KnowsProducer(int64_t producer_id) const = 0;
};

}  // namespace soliton::segment

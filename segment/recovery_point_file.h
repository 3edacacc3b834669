// Our own addition beside Kafka's files: what this log knows to be durable, so that recovery can
// tell a torn tail (cut it) from damage to data that was promised (report it), and how far the log
// start has moved.
//
// Files `recovery-point.0` and `recovery-point.1`, each a row of 64-byte entries, big-endian:
//    0  u32  CRC-32C over the rest
//    4  u32  magic "SLRP"
//    8  i64  sequence
//   16  i64  durable_end_offset
//   24  i64  log_start_offset
//   32  i64  active_base_offset
//   40  i64  active_size_bytes
//   48       16 bytes zero
// The valid entry with the highest sequence counts; anything else is ignored.
//
// Entries are appended, mostly without a sync: an entry is true when it is written and stays true
// until an entry for a truncation follows, and that one is synced before the truncation begins. So
// losing unsynced entries only makes recovery more careful. When a file is long and holds a synced
// entry, writing goes on in the other one, emptied first. Owned by the log; not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/file/file_system.h"

namespace soliton::segment {

struct RecoveryPoint {
  int64_t durable_end_offset = 0;  // records below it were synced, and not truncated since
  int64_t log_start_offset = 0;
  int64_t active_base_offset = 0;  // the active segment then
  int64_t active_size_bytes = 0;   // and its size; together they prove a clean stop
  friend bool operator==(const RecoveryPoint&, const RecoveryPoint&) = default;
};

class RecoveryPointFile {
 public:
  // Reads what is there; creates nothing.
  static absl::StatusOr<RecoveryPointFile> Open(FileSystem& fs, const std::string& directory);

  const std::optional<RecoveryPoint>& last() const { return last_; }

  // The file is open only while it holds what is not synced: a broker may have more logs than half
  // the files that it may open.

  // Not durable yet. Creates the file when missing (then its name wants a SyncDirectory).
  // kResourceExhausted: the disk is full and nothing has changed.
  absl::Status Append(const RecoveryPoint& point);
  // Append, made durable with the file's name. Blocks. kResourceExhausted as above.
  absl::Status AppendDurably(const RecoveryPoint& point);

  // For a flush ticket: sync file(), then call NoteSynced with the size seen when the ticket was
  // taken.
  const std::shared_ptr<File>& file() const { return file_; }
  bool wants_sync() const;
  // Entries were appended since the last sync.
  bool is_named() const { return synced_bytes_ > 0; }  // the file's name is durable
  bool has_unsynced() const { return file_ && file_->size_bytes() != synced_bytes_; }
  void NoteSynced(const std::shared_ptr<File>& file, int64_t size_bytes);

 private:
  RecoveryPointFile(FileSystem& fs, std::string directory)
      : fs_(&fs), directory_(std::move(directory)) {}
  std::string PathOf(int which) const;
  absl::Status Load(int which);
  absl::Status OpenForAppend();

  FileSystem* fs_;
  std::string directory_;
  std::optional<RecoveryPoint> last_;
  int64_t sequence_ = 0;        // of last_
  int current_ = 0;             // which file is appended to
  std::shared_ptr<File> file_;  // null while all of it is synced, or before the first Append
  int64_t synced_bytes_ = 0;    // of the file that is appended to, by this process
};

}  // namespace soliton::segment

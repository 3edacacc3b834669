// One segment of a log: a data file of batches that begins at base_offset, with its offset and time
// index. The log appends to the newest one only. Owned by a log; not thread-safe, except that
// ticket threads Sync the file.
//
// Index rules are Kafka's: an offset-index entry (last offset of a batch, its position) for a batch
// that follows more than index_interval_bytes after the last entry; with it a time-index entry
// (largest timestamp so far, last offset of its batch), and one more of those when the segment is
// closed. Both live in memory while the segment is written; files are made when it is rolled or
// closed, and read back on demand.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protocol/record/record_batch.h"
#include "runtime/base/buffer.h"
#include "runtime/file/file_system.h"
#include "runtime/loop/clock.h"
#include "segment/checked_range.h"
#include "segment/flush_ticket.h"
#include "segment/index/offset_index.h"
#include "segment/index/time_index.h"
#include "segment/recent_batches.h"
#include "segment/segment_checkpoint.h"

namespace soliton::segment {

// "00000000000000000042.log" and its siblings (suffix with the dot).
std::string SegmentFileName(int64_t base_offset, std::string_view suffix);
// The inverse; nullopt for other names.
std::optional<int64_t> ParseSegmentFileName(std::string_view name, std::string_view suffix);

inline constexpr std::string_view kLogSuffix = ".log";
inline constexpr std::string_view kOffsetIndexSuffix = ".index";
inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
inline constexpr std::string_view kSnapshotSuffix = ".snapshot";
inline constexpr std::string_view kDeletedSuffix = ".deleted";  // behind kLogSuffix

// A batch boundary: the position of the batch that begins at base_offset, or the end of the
// segment.
using BatchBoundary = RecentBatches::Place;

class Segment {
 public:
  // An empty one. The name is durable after SyncDirectory.
  static absl::StatusOr<std::unique_ptr<Segment>> Create(FileSystem& fs,
                                                         const std::string& directory,
                                                         int64_t base_offset,
                                                         int64_t index_interval_bytes);
  // An existing data file; nothing but its size is known before Rebuild, AddScanned or LoadClosed.
  static absl::StatusOr<std::unique_ptr<Segment>> Open(FileSystem& fs, const std::string& directory,
                                                       int64_t base_offset,
                                                       int64_t index_interval_bytes);

  int64_t base_offset() const { return base_offset_; }
  int64_t end_offset() const { return end_offset_; }
  int64_t size_bytes() const { return size_bytes_; }
  BatchBoundary end() const { return {end_offset_, size_bytes_}; }
  bool empty() const { return size_bytes_ == 0; }
  const std::shared_ptr<File>& file() const { return file_; }
  int64_t max_timestamp_ms() const { return max_timestamp_ms_; }      // -1 when there is none
  int64_t first_timestamp_ms() const { return first_timestamp_ms_; }  // of the first batch
  // Of the last append, or when the log was opened.
  MonotonicTime last_write() const { return last_write_; }
  void set_last_write(MonotonicTime time) { last_write_ = time; }
  // Of the larger index, were it written now.
  int64_t index_bytes() const {
    return std::max(offset_index_.size_bytes(), time_index_.size_bytes());
  }
  // Whether `offset` fits the indexes' 32-bit relative offsets.
  bool FitsRelativeOffset(int64_t offset) const { return offset - base_offset_ <= INT32_MAX; }

  // ---- writing ----

  // One write for all of `pieces`, which are the bytes of `batches`. kResourceExhausted: the disk
  // is full, and what it took was cut off again. After any other error the file may hold a prefix
  // that this segment does not count, and nothing may be appended any more.
  absl::Status Append(std::span<const Buffer> pieces,
                      std::span<const kafka::RecordBatchView> batches);
  // Cuts at the batch that holds `offset` (that batch goes too). The data file is synced; its index
  // files on disk are gone after SyncDirectory.
  absl::Status TruncateTo(int64_t offset);
  // What the index files of this segment, which will not grow any more, must hold.
  std::vector<FlushTicket::SideFile> IndexFiles();
  // Those files are on disk. Frees the memory: they are read back when a lookup needs them.
  void IndexFilesWritten();
  // Whether the indexes are in memory, as they are once something was appended.
  bool indexes_loaded() const { return indexes_loaded_; }
  bool index_files_written() const { return index_files_written_; }
  // Data and index files. Readers that hold the file keep its bytes.
  absl::Status RemoveFiles() const;
  // The same without the work of giving a large file's blocks back: the data gets a name that no
  // segment has (and that the next recovery removes). That path is returned, for a disk thread to
  // remove.
  absl::StatusOr<std::string> Retire() const;
  // Both, fitting or not.
  bool HasIndexFiles() const;
  absl::Status RemoveIndexFiles() const;

  // ---- reading ----

  // The boundary where the batch begins that holds `offset`; end() for offsets at or above
  // end_offset().
  absl::StatusOr<BatchBoundary> FindBatch(int64_t offset);
  // The last boundary at or below `position_limit`, and not before `from`.
  absl::StatusOr<BatchBoundary> LastBoundaryWithin(const BatchBoundary& from,
                                                   int64_t position_limit);
  // Checks what of [from, to), two boundaries, this process neither wrote nor has checked before.
  // kDataLoss or kOutOfRange: damage.
  absl::Status CheckBytes(int64_t from, int64_t to);
  // The boundary after the batch that begins at `boundary`.
  absl::StatusOr<BatchBoundary> NextBoundary(const BatchBoundary& boundary) const;
  // From where on a scan finds the first batch with a timestamp >= `timestamp_ms`.
  absl::StatusOr<BatchBoundary> TimestampFloor(int64_t timestamp_ms);
  // The time index's newest entry for offsets below `end_offset`.
  absl::StatusOr<std::optional<TimeIndex::Entry>> NewestTimeBelow(int64_t end_offset);

  // ---- recovery ----

  // Forgets all but the file; then AddScanned for every batch, in order; then CutToScanned.
  void BeginScan();
  void AddScanned(const kafka::RecordBatchHeader& batch, int64_t position) {
    Count(batch, position);
  }
  // What a scan up to here would have found; and instead of such a scan, after BeginScan. False,
  // with nothing changed, when the checkpoint is another segment's or ends beyond the file.
  SegmentCheckpoint Checkpoint() const;
  bool ContinueFrom(SegmentCheckpoint checkpoint);
  // Cuts the file behind the last batch counted. Not synced.
  absl::Status CutToScanned();
  // The whole scan by headers, up to `end_position`. kDataLoss or kOutOfRange at bytes that are no
  // whole batch.
  absl::Status Rebuild(int64_t end_position);
  // Of a segment that does not grow and whose data is known to be right: takes its index files and
  // reads only the headers behind their last entries. kNotFound when the files are missing or do
  // not fit the data, so that Rebuild is due; kDataLoss or kOutOfRange when the data does not end
  // in a whole batch.
  absl::Status LoadIndexFiles();

 private:
  Segment(FileSystem& fs, std::string directory, int64_t base_offset, int64_t index_interval_bytes,
          std::shared_ptr<File> file);
  static absl::StatusOr<std::unique_ptr<Segment>> OpenFile(FileSystem& fs,
                                                           const std::string& directory,
                                                           int64_t base_offset,
                                                           int64_t index_interval_bytes,
                                                           OpenMode mode);

  std::string PathOf(std::string_view suffix) const;
  // The disk took a part only: cuts it off. Returns `why`, or another code when that failed too.
  absl::Status TakeBack(const absl::Status& why);
  void Count(const kafka::RecordBatchHeader& batch, int64_t position);
  // kDataLoss when the batch cannot come next.
  absl::Status CheckFollows(const kafka::RecordBatchHeader& batch, int64_t position) const;
  // Whether a batch with exactly this end and timestamp follows `from_position`.
  absl::StatusOr<bool> HasBatch(int64_t from_position, int64_t last_offset,
                                int64_t max_timestamp_ms) const;
  absl::Status EnsureIndexes();
  void Remember(const BatchBoundary& boundary);
  std::optional<BatchBoundary> Remembered(int64_t offset) const;
  void ForgetBoundaries();

  static constexpr int64_t kTimeCheckBytes = int64_t{4} << 20;

  FileSystem* fs_;
  std::string directory_;
  int64_t base_offset_;
  int64_t index_interval_bytes_;
  std::shared_ptr<File> file_;
  CheckedRange checked_;
  int64_t size_bytes_ = 0;
  int64_t end_offset_;
  int64_t max_timestamp_ms_ = -1;
  int64_t max_timestamp_offset_ = -1;  // last offset of the batch that holds it
  int64_t first_timestamp_ms_ = -1;
  MonotonicTime last_write_;
  int64_t bytes_since_index_entry_ = 0;

  bool indexes_loaded_ = true;
  bool index_files_written_ = false;
  OffsetIndex offset_index_;
  TimeIndex time_index_;
  RecentBatches recent_;
  // The boundaries that lookups found last: sequential readers and bounds ask for them again.
  static constexpr size_t kRememberedCount = 8;
  std::array<BatchBoundary, kRememberedCount> remembered_;
  size_t next_remembered_ = 0;
};

using SegmentMap = std::map<int64_t, std::unique_ptr<Segment>>;  // by base offset

}  // namespace soliton::segment

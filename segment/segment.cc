#include "segment/segment.h"

#include <fmt/format.h>

#include <limits>

#include "runtime/base/check.h"
#include "segment/batch_scanner.h"
#include "segment/checkpoint_file.h"
#include "segment/failed_sync.h"

namespace soliton::segment {

using kafka::RecordBatchHeader;
using kafka::RecordBatchView;

std::string SegmentFileName(int64_t base_offset, std::string_view suffix) {
  return fmt::format("{:020}{}", base_offset, suffix);
}

std::optional<int64_t> ParseSegmentFileName(std::string_view name, std::string_view suffix) {
  constexpr size_t kDigits = 20;
  if (name.size() != kDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  int64_t base_offset = 0;
  if (!ParseNumber(name.substr(0, kDigits), &base_offset) || base_offset < 0) return std::nullopt;
  return base_offset;
}

Segment::Segment(FileSystem& fs, std::string directory, int64_t base_offset,
                 int64_t index_interval_bytes, std::shared_ptr<File> file)
    : fs_(&fs),
      directory_(std::move(directory)),
      base_offset_(base_offset),
      index_interval_bytes_(index_interval_bytes),
      file_(std::move(file)),
      checked_(file_->size_bytes()),
      size_bytes_(file_->size_bytes()),
      end_offset_(base_offset),
      offset_index_(base_offset),
      time_index_(base_offset) {
  ForgetBoundaries();
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::Create(FileSystem& fs,
                                                         const std::string& directory,
                                                         int64_t base_offset,
                                                         int64_t index_interval_bytes) {
  auto segment =
      OpenFile(fs, directory, base_offset, index_interval_bytes, OpenMode::kReadWriteOrCreate);
  if (!segment.ok() || (*segment)->empty()) return segment;
  return absl::InternalError(
      fmt::format("{} exists already and is not empty", (*segment)->file()->path()));
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::Open(FileSystem& fs, const std::string& directory,
                                                       int64_t base_offset,
                                                       int64_t index_interval_bytes) {
  return OpenFile(fs, directory, base_offset, index_interval_bytes, OpenMode::kReadWrite);
}

absl::StatusOr<std::unique_ptr<Segment>> Segment::OpenFile(FileSystem& fs,
                                                           const std::string& directory,
                                                           int64_t base_offset,
                                                           int64_t index_interval_bytes,
                                                           OpenMode mode) {
  auto file = fs.Open(JoinPath(directory, SegmentFileName(base_offset, kLogSuffix)), mode);
  if (!file.ok()) return file.status();
  return std::unique_ptr<Segment>(
      new Segment(fs, directory, base_offset, index_interval_bytes, *std::move(file)));
}

std::string Segment::PathOf(std::string_view suffix) const {
  return JoinPath(directory_, SegmentFileName(base_offset_, suffix));
}

// ---- writing ----

void Segment::Count(const RecordBatchHeader& batch, int64_t position) {
  if (size_bytes_ == 0) first_timestamp_ms_ = batch.max_timestamp();
  if (batch.max_timestamp() > max_timestamp_ms_) {
    max_timestamp_ms_ = batch.max_timestamp();
    max_timestamp_offset_ = batch.last_offset();
  }
  if (bytes_since_index_entry_ > index_interval_bytes_) {
    offset_index_.Append(batch.last_offset(), position);
    if (max_timestamp_offset_ >= 0)
      time_index_.MaybeAppend(max_timestamp_ms_, max_timestamp_offset_);
    bytes_since_index_entry_ = 0;
  }
  bytes_since_index_entry_ += batch.size_bytes();
  size_bytes_ = position + batch.size_bytes();
  end_offset_ = batch.next_offset();
}

absl::Status Segment::Append(std::span<const Buffer> pieces,
                             std::span<const RecordBatchView> batches) {
  if (absl::Status status = EnsureIndexes(); !status.ok()) return status;
  if (absl::Status status = file_->Append(pieces); !status.ok()) {
    return absl::IsResourceExhausted(status) ? TakeBack(status) : status;
  }
  index_files_written_ = false;
  for (const RecordBatchView& batch : batches) {
    const int64_t position = size_bytes_;
    recent_.Add(batch.base_offset(), position);
    Count(batch, position);
  }
  return absl::OkStatus();
}

absl::Status Segment::TakeBack(const absl::Status& why) {
  const absl::Status cut = CutToScanned();
  if (cut.ok()) return why;
  return absl::DataLossError(
      fmt::format("{}; and then: {}", std::string(why.message()), std::string(cut.message())));
}

absl::Status Segment::TruncateTo(int64_t offset) {
  const absl::StatusOr<BatchBoundary> cut = FindBatch(offset);
  if (!cut.ok()) return cut.status();
  if (absl::Status status = RemoveIndexFiles(); !status.ok()) return status;
  if (absl::Status status = file_->Truncate(cut->position); !status.ok()) return status;
  checked_.Cut(cut->position);
  if (absl::Status status = SyncOrMark(*fs_, directory_, *file_); !status.ok()) return status;
  if (absl::Status status = Rebuild(cut->position); !status.ok()) return status;
  if (end_offset_ <= offset) return absl::OkStatus();
  // The index led past a batch that claims to lie higher than it does.
  return absl::DataLossError(
      fmt::format("{}: cut at offset {}, it still ends at {}", file_->path(), offset, end_offset_));
}

absl::Status Segment::CheckFollows(const RecordBatchHeader& batch, int64_t position) const {
  // The base offset lies outside the checksum.
  if (batch.base_offset() >= end_offset_ && FitsRelativeOffset(batch.last_offset())) {
    return absl::OkStatus();
  }
  return absl::DataLossError(fmt::format("{} at byte {}: batch at offset {} does not follow on {}",
                                         file_->path(), position, batch.base_offset(),
                                         end_offset_));
}

absl::Status Segment::Rebuild(int64_t end_position) {
  BeginScan();
  BatchScanner scanner(*file_, 0, end_position, BatchScanner::Depth::kHeaders,
                       BatchScanner::kScanChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    if (absl::Status status = CheckFollows(scanner.header(), scanner.position()); !status.ok()) {
      return status;
    }
    AddScanned(scanner.header(), scanner.position());
  }
}

std::vector<FlushTicket::SideFile> Segment::IndexFiles() {
  CHECK(indexes_loaded_, "index of {} is not in memory", file_->path());
  if (max_timestamp_offset_ >= 0) time_index_.MaybeAppend(max_timestamp_ms_, max_timestamp_offset_);
  return {{PathOf(kOffsetIndexSuffix), offset_index_.Encode()},
          {PathOf(kTimeIndexSuffix), time_index_.Encode()}};
}

void Segment::IndexFilesWritten() {
  index_files_written_ = true;
  indexes_loaded_ = false;
  offset_index_ = OffsetIndex(base_offset_);
  time_index_ = TimeIndex(base_offset_);
  recent_.Clear();
}

bool Segment::HasIndexFiles() const {
  return fs_->Exists(PathOf(kOffsetIndexSuffix)) && fs_->Exists(PathOf(kTimeIndexSuffix));
}

absl::Status Segment::RemoveIndexFiles() const {
  if (absl::Status status = fs_->Remove(PathOf(kOffsetIndexSuffix)); !status.ok()) return status;
  return fs_->Remove(PathOf(kTimeIndexSuffix));
}

absl::Status Segment::RemoveFiles() const {
  // The data goes last: index files without data are cleaned up at the next start.
  if (absl::Status status = RemoveIndexFiles(); !status.ok()) return status;
  return fs_->Remove(PathOf(kLogSuffix));
}

absl::StatusOr<std::string> Segment::Retire() const {
  if (absl::Status status = RemoveIndexFiles(); !status.ok()) return status;
  const std::string path = PathOf(kLogSuffix);
  std::string retired = path + std::string(kDeletedSuffix);
  if (absl::Status status = fs_->Rename(path, retired); !status.ok()) return status;
  return retired;
}

// ---- reading ----

void Segment::Remember(const BatchBoundary& boundary) {
  remembered_[next_remembered_] = boundary;
  next_remembered_ = (next_remembered_ + 1) % kRememberedCount;
}

void Segment::ForgetBoundaries() {
  remembered_.fill(BatchBoundary{-1, 0});
  recent_.Clear();
}

std::optional<BatchBoundary> Segment::Remembered(int64_t offset) const {
  for (const BatchBoundary& boundary : remembered_) {
    if (boundary.base_offset == offset) return boundary;
  }
  return std::nullopt;
}

absl::StatusOr<BatchBoundary> Segment::FindBatch(int64_t offset) {
  if (offset >= end_offset_) return end();
  if (const auto place = recent_.FloorOffset(offset)) return *place;
  if (const auto boundary = Remembered(offset)) return *boundary;
  if (absl::Status status = EnsureIndexes(); !status.ok()) return status;

  const OffsetIndex::Entry floor = offset_index_.FloorOffset(offset);
  BatchScanner scanner(*file_, floor.position, size_bytes_, BatchScanner::Depth::kHeaders,
                       BatchScanner::kLookupChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (!more.ok()) return more.status();
    if (!*more) return end();
    if (scanner.header().last_offset() < offset) continue;
    const BatchBoundary found{scanner.header().base_offset(), scanner.position()};
    Remember(found);
    return found;
  }
}

absl::StatusOr<BatchBoundary> Segment::LastBoundaryWithin(const BatchBoundary& from,
                                                          int64_t position_limit) {
  if (position_limit >= size_bytes_) return end();
  if (const auto place = recent_.FloorPosition(position_limit)) {
    if (place->position > from.position) return *place;
    return from;
  }
  if (absl::Status status = EnsureIndexes(); !status.ok()) return status;
  const OffsetIndex::Entry floor = offset_index_.FloorPosition(position_limit);
  BatchScanner scanner(*file_, std::max(floor.position, from.position), size_bytes_,
                       BatchScanner::Depth::kHeaders, BatchScanner::kLookupChunkBytes);
  BatchBoundary last = from;
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (scanner.position() > position_limit) break;
    last = {scanner.header().base_offset(), scanner.position()};
  }
  Remember(last);
  return last;
}

absl::Status Segment::CheckBytes(int64_t from, int64_t to) {
  const CheckedRange::Piece piece = checked_.Unchecked(from, to);
  if (piece.empty()) return absl::OkStatus();
  BatchScanner scanner(*file_, piece.from, piece.to, BatchScanner::Depth::kChecksums,
                       BatchScanner::kScanChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (!more.ok()) return more.status();
    if (!*more) break;
  }
  checked_.Checked(piece);
  return absl::OkStatus();
}

absl::StatusOr<BatchBoundary> Segment::NextBoundary(const BatchBoundary& boundary) const {
  BatchScanner scanner(*file_, boundary.position, size_bytes_, BatchScanner::Depth::kHeaders,
                       kafka::kBatchHeaderBytes);
  const absl::StatusOr<bool> more = scanner.Next();
  if (!more.ok()) return more.status();
  CHECK(*more, "no batch at byte {} of {}", boundary.position, file_->path());
  return BatchBoundary{scanner.header().next_offset(), scanner.position() + scanner.size_bytes()};
}

absl::StatusOr<BatchBoundary> Segment::TimestampFloor(int64_t timestamp_ms) {
  if (absl::Status status = EnsureIndexes(); !status.ok()) return status;
  // Everything up to the last entry with a smaller timestamp is too old.
  const std::optional<TimeIndex::Entry> floor = time_index_.FloorTimestamp(timestamp_ms - 1);
  if (!floor) return BatchBoundary{base_offset_, 0};
  return FindBatch(floor->offset);
}

absl::StatusOr<std::optional<TimeIndex::Entry>> Segment::NewestTimeBelow(int64_t end_offset) {
  if (absl::Status status = EnsureIndexes(); !status.ok()) return status;
  return time_index_.FloorOffset(end_offset - 1);
}

// ---- recovery ----

void Segment::BeginScan() {
  size_bytes_ = 0;
  end_offset_ = base_offset_;
  max_timestamp_ms_ = -1;
  max_timestamp_offset_ = -1;
  first_timestamp_ms_ = -1;
  bytes_since_index_entry_ = 0;
  indexes_loaded_ = true;
  index_files_written_ = false;
  offset_index_ = OffsetIndex(base_offset_);
  time_index_ = TimeIndex(base_offset_);
  ForgetBoundaries();
}

SegmentCheckpoint Segment::Checkpoint() const {
  CHECK(indexes_loaded_, "index of {} is not in memory", file_->path());
  return {.base_offset = base_offset_,
          .end_offset = end_offset_,
          .end_position = size_bytes_,
          .first_timestamp_ms = first_timestamp_ms_,
          .max_timestamp_ms = max_timestamp_ms_,
          .max_timestamp_offset = max_timestamp_offset_,
          .bytes_since_index_entry = bytes_since_index_entry_,
          .offset_index = offset_index_,
          .time_index = time_index_};
}

bool Segment::ContinueFrom(SegmentCheckpoint checkpoint) {
  if (checkpoint.base_offset != base_offset_ || checkpoint.end_position > file_->size_bytes()) {
    return false;
  }
  size_bytes_ = checkpoint.end_position;
  end_offset_ = checkpoint.end_offset;
  first_timestamp_ms_ = checkpoint.first_timestamp_ms;
  max_timestamp_ms_ = checkpoint.max_timestamp_ms;
  max_timestamp_offset_ = checkpoint.max_timestamp_offset;
  bytes_since_index_entry_ = checkpoint.bytes_since_index_entry;
  offset_index_ = std::move(checkpoint.offset_index);
  time_index_ = std::move(checkpoint.time_index);
  return true;
}

absl::Status Segment::CutToScanned() {
  checked_.Cut(size_bytes_);
  return file_->size_bytes() == size_bytes_ ? absl::OkStatus() : file_->Truncate(size_bytes_);
}

absl::Status Segment::LoadIndexFiles() {
  const int64_t file_bytes = file_->size_bytes();
  const auto unfit = [this] {
    return absl::NotFoundError(fmt::format("index files of {} do not fit it", file_->path()));
  };
  const auto offset_bytes = ReadFile(*fs_, PathOf(kOffsetIndexSuffix));
  const auto time_bytes = ReadFile(*fs_, PathOf(kTimeIndexSuffix));
  if (!offset_bytes.ok() || !time_bytes.ok()) return unfit();
  auto offset_index = OffsetIndex::Decode(base_offset_, *offset_bytes, file_bytes);
  auto time_index =
      TimeIndex::Decode(base_offset_, *time_bytes, std::numeric_limits<int64_t>::max());
  if (!offset_index.ok() || !time_index.ok()) return unfit();

  const std::optional<TimeIndex::Entry> newest = time_index->last();
  if (newest) {
    const absl::StatusOr<bool> fits = HasBatch(offset_index->FloorOffset(newest->offset).position,
                                               newest->offset, newest->timestamp_ms);
    if (!fits.ok()) return fits.status();
    if (!*fits) return unfit();
  }
  // A larger timestamp behind the newest entry would show a time index that lost its end. Looking
  // for one has its price when time stands still in a large segment, hence the bound.
  const std::optional<OffsetIndex::Entry> last = offset_index->last();
  const int64_t last_position = last ? last->position : 0;
  const int64_t newest_position =
      newest ? offset_index->FloorOffset(newest->offset).position : last_position;
  const int64_t from_position =
      std::min(last_position, std::max(newest_position, file_bytes - kTimeCheckBytes));
  BeginScan();
  bool last_seen = !last;
  BatchScanner scanner(*file_, offset_index->FloorPosition(from_position).position, file_bytes,
                       BatchScanner::Depth::kHeaders, BatchScanner::kScanChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (!more.ok()) return more.status();
    if (!*more) break;
    const RecordBatchHeader batch = scanner.header();
    last_seen |= scanner.position() == last_position && last && batch.last_offset() == last->offset;
    if (batch.max_timestamp() > (newest ? newest->timestamp_ms : -1)) return unfit();
    if (absl::Status status = CheckFollows(batch, scanner.position()); !status.ok()) return status;
    Count(batch, scanner.position());
  }
  if (!last_seen) return unfit();
  offset_index_ = *std::move(offset_index);
  time_index_ = *std::move(time_index);
  max_timestamp_ms_ = newest ? newest->timestamp_ms : -1;
  max_timestamp_offset_ = newest ? newest->offset : -1;
  // What appends need: the distance to the last entry.
  bytes_since_index_entry_ = size_bytes_ - last_position;
  return absl::OkStatus();
}

absl::StatusOr<bool> Segment::HasBatch(int64_t from_position, int64_t last_offset,
                                       int64_t max_timestamp_ms) const {
  BatchScanner scanner(*file_, from_position, file_->size_bytes(), BatchScanner::Depth::kHeaders,
                       BatchScanner::kLookupChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (!more.ok()) return more.status();
    if (!*more) return false;
    if (scanner.header().last_offset() < last_offset) continue;
    return scanner.header().last_offset() == last_offset &&
           scanner.header().max_timestamp() == max_timestamp_ms;
  }
}

absl::Status Segment::EnsureIndexes() {
  if (indexes_loaded_) return absl::OkStatus();
  const auto offset_bytes = ReadFile(*fs_, PathOf(kOffsetIndexSuffix));
  const auto time_bytes = ReadFile(*fs_, PathOf(kTimeIndexSuffix));
  if (offset_bytes.ok() && time_bytes.ok()) {
    auto offset_index = OffsetIndex::Decode(base_offset_, *offset_bytes, size_bytes_);
    auto time_index = TimeIndex::Decode(base_offset_, *time_bytes, end_offset_);
    if (offset_index.ok() && time_index.ok()) {
      offset_index_ = *std::move(offset_index);
      time_index_ = *std::move(time_index);
      indexes_loaded_ = true;
      return absl::OkStatus();
    }
  }
  const BatchBoundary end_before = end();
  absl::Status status = Rebuild(size_bytes_);
  if (!status.ok()) {
    // Damage came to light in the middle; the log still has these bounds.
    end_offset_ = end_before.base_offset;
    size_bytes_ = end_before.position;
    indexes_loaded_ = false;
  }
  return status;
}

}  // namespace soliton::segment

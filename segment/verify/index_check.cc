#include "segment/verify/index_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "segment/segment.h"

namespace soliton::segment {
namespace {

std::string Sibling(const std::string& log_path, std::string_view suffix) {
  return log_path.substr(0, log_path.size() - kLogSuffix.size()) + std::string(suffix);
}

}  // namespace

IndexCheck::IndexCheck(const FileSystem& fs, const std::string& log_path, int64_t base_offset,
                       int64_t log_bytes, bool grows, std::vector<Finding>& findings)
    : findings_(findings),
      kind_(grows ? Finding::Kind::kNote : Finding::Kind::kDamaged),
      grows_(grows),
      in_one_file_(false),
      offset_path_(Sibling(log_path, kOffsetIndexSuffix)),
      time_path_(Sibling(log_path, kTimeIndexSuffix)),
      offset_index_(base_offset),
      time_index_(base_offset) {
  LoadOffsetIndex(fs, log_bytes);
  LoadTimeIndex(fs);
}

IndexCheck::IndexCheck(const std::string& path, OffsetIndex offset_index, TimeIndex time_index,
                       Finding::Kind kind, std::vector<Finding>& findings)
    : findings_(findings),
      kind_(kind),
      grows_(true),
      in_one_file_(true),
      offset_path_(path),
      time_path_(path),
      offset_index_(std::move(offset_index)),
      time_index_(std::move(time_index)) {}

void IndexCheck::Damaged(const std::string& path, int64_t position, int64_t offset,
                         std::string what) {
  findings_.push_back({kind_, path, in_one_file_ ? -1 : position, offset, std::move(what)});
}

void IndexCheck::LoadOffsetIndex(const FileSystem& fs, int64_t log_bytes) {
  if (!fs.Exists(offset_path_)) {
    if (!grows_) {
      findings_.push_back(
          {.path = offset_path_, .what = "is missing; it is made anew when it is needed"});
    }
    return;
  }
  const absl::StatusOr<std::string> bytes = ReadFile(fs, offset_path_);
  auto index = bytes.ok() ? OffsetIndex::Decode(offset_index_.base_offset(), *bytes, log_bytes)
                          : absl::StatusOr<OffsetIndex>(bytes.status());
  if (!index.ok()) return Damaged(offset_path_, -1, -1, std::string(index.status().message()));
  offset_index_ = *std::move(index);
}

void IndexCheck::LoadTimeIndex(const FileSystem& fs) {
  if (!fs.Exists(time_path_)) {
    if (!grows_) {
      findings_.push_back(
          {.path = time_path_, .what = "is missing; it is made anew when it is needed"});
    }
    return;
  }
  const absl::StatusOr<std::string> bytes = ReadFile(fs, time_path_);
  auto index = bytes.ok() ? TimeIndex::Decode(time_index_.base_offset(), *bytes,
                                              std::numeric_limits<int64_t>::max())
                          : absl::StatusOr<TimeIndex>(bytes.status());
  if (!index.ok()) return Damaged(time_path_, -1, -1, std::string(index.status().message()));
  time_index_ = *std::move(index);
  has_time_index_ = true;
}

void IndexCheck::Add(const kafka::RecordBatchHeader& batch, int64_t position) {
  max_timestamp_ms_ = std::max(max_timestamp_ms_, batch.max_timestamp());
  while (next_offset_entry_ < offset_index_.entry_count()) {
    const OffsetIndex::Entry entry = offset_index_.entry(next_offset_entry_);
    if (entry.position > position) break;
    if (entry.position < position || entry.offset != batch.last_offset()) {
      Damaged(offset_path_, static_cast<int64_t>(next_offset_entry_) * OffsetIndex::kEntryBytes,
              entry.offset,
              fmt::format("says that a batch ending with offset {} begins at byte {}; at byte {} "
                          "begins one ending with {}",
                          entry.offset, entry.position, position, batch.last_offset()));
    }
    ++next_offset_entry_;
  }
  while (next_time_entry_ < time_index_.entry_count() &&
         time_index_.entry(next_time_entry_).offset <= batch.last_offset()) {
    CheckTimeEntry(batch);
    ++next_time_entry_;
  }
}

// Its offset is the batch's last one here, that of the newest record in older Kafka releases.
void IndexCheck::CheckTimeEntry(const kafka::RecordBatchHeader& batch) {
  const TimeIndex::Entry entry = time_index_.entry(next_time_entry_);
  if (entry.offset >= batch.base_offset() && entry.timestamp_ms == batch.max_timestamp() &&
      entry.timestamp_ms == max_timestamp_ms_) {
    return;
  }
  Damaged(time_path_, static_cast<int64_t>(next_time_entry_) * TimeIndex::kEntryBytes, entry.offset,
          fmt::format("says that up to offset {} the newest record is of {} ms; it is of {} ms",
                      entry.offset, entry.timestamp_ms, max_timestamp_ms_));
}

void IndexCheck::Finish(bool whole) {
  if (!whole) return;
  if (next_offset_entry_ < offset_index_.entry_count()) {
    Damaged(offset_path_, static_cast<int64_t>(next_offset_entry_) * OffsetIndex::kEntryBytes,
            offset_index_.entry(next_offset_entry_).offset, "has entries beyond the last batch");
  }
  if (next_time_entry_ < time_index_.entry_count()) {
    Damaged(time_path_, static_cast<int64_t>(next_time_entry_) * TimeIndex::kEntryBytes,
            time_index_.entry(next_time_entry_).offset, "has entries beyond the last batch");
    return;
  }
  const int64_t newest_ms = time_index_.empty() ? -1 : time_index_.last()->timestamp_ms;
  if (has_time_index_ && !grows_ && newest_ms < max_timestamp_ms_) {
    Damaged(time_path_, -1, -1,
            fmt::format("ends with {} ms, the segment holds a record of {} ms", newest_ms,
                        max_timestamp_ms_));
  }
}

}  // namespace soliton::segment

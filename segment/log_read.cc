// Reading side of LogImpl: by offset, by timestamp, by epoch.
#include <fmt/format.h>

#include <algorithm>

#include "protocol/record/record_iterator.h"
#include "runtime/base/os_error.h"
#include "segment/batch_scanner.h"
#include "segment/damage_mark.h"
#include "segment/log_impl.h"

namespace soliton::segment {
namespace {

// More than any client sends in one batch; a batch that expands further is answered as a whole.
constexpr size_t kMaxDecompressedBytes = size_t{256} << 20;

// The first record of the batch with a timestamp >= `timestamp_ms` in [first_offset, end_offset).
absl::StatusOr<std::optional<TimestampOffset>> FindRecord(const kafka::RecordBatchView& batch,
                                                          int64_t timestamp_ms,
                                                          int64_t first_offset,
                                                          int64_t end_offset) {
  absl::StatusOr<kafka::RecordIterator> records =
      kafka::RecordIterator::Open(batch, kMaxDecompressedBytes);
  if (absl::IsResourceExhausted(records.status())) {
    return TimestampOffset{batch.max_timestamp(), std::max(batch.base_offset(), first_offset),
                           batch.leader_epoch()};
  }
  if (!records.ok()) return records.status();
  kafka::Record record;
  while (true) {
    const absl::StatusOr<bool> more = records->Next(record);
    if (!more.ok()) return more.status();
    if (!*more) return std::nullopt;
    const int64_t offset = batch.base_offset() + record.offset_delta;
    const int64_t record_timestamp_ms = kafka::TimestampOf(batch, record);
    if (record_timestamp_ms < timestamp_ms || offset < first_offset) continue;
    if (offset >= end_offset) return std::nullopt;
    return TimestampOffset{record_timestamp_ms, offset, batch.leader_epoch()};
  }
}

}  // namespace

Segment& LogImpl::SegmentOf(int64_t offset) const {
  auto it = segments_.upper_bound(offset);
  if (it != segments_.begin()) --it;
  return *it->second;
}

absl::StatusOr<LogSlice> LogImpl::Read(int64_t offset, int64_t upper_bound, int64_t max_bytes,
                                       bool at_least_one_batch) {
  if (offset < log_start_offset_ || offset > log_end_offset()) {
    return absl::OutOfRangeError(fmt::format("offset {} is outside [{}, {}] of {}", offset,
                                             log_start_offset_, log_end_offset(), directory_));
  }
  absl::StatusOr<LogSlice> slice =
      Locate(offset, std::min(upper_bound, log_end_offset()), max_bytes, at_least_one_batch);
  const absl::Status& status = slice.status();
  const bool damage_met = absl::IsDataLoss(status) || absl::IsOutOfRange(status);
  if (!damage_met || ErrnoOf(status)) return slice;
  const absl::Status damage = absl::DataLossError(std::string(status.message()));
  MarkDamaged(fs_, directory_, damage);
  return Fence(damage);
}

absl::StatusOr<LogSlice> LogImpl::Locate(int64_t offset, int64_t end_offset, int64_t max_bytes,
                                         bool at_least_one_batch) {
  LogSlice slice{{}, offset, offset};
  if (offset >= end_offset) return slice;
  Segment& segment = SegmentOf(offset);
  const absl::StatusOr<BatchBoundary> first = segment.FindBatch(offset);
  if (!first.ok()) return first.status();
  absl::StatusOr<BatchBoundary> end = segment.FindBatch(end_offset);
  if (!end.ok()) return end.status();
  if (end->position <= first->position) return slice;
  if (end->position - first->position > max_bytes) {
    end = segment.LastBoundaryWithin(*first, first->position + std::max<int64_t>(max_bytes, 0));
    if (end.ok() && end->position == first->position && at_least_one_batch) {
      end = segment.NextBoundary(*first);
    }
    if (!end.ok()) return end.status();
  }
  if (absl::Status status = segment.CheckBytes(first->position, end->position); !status.ok()) {
    return status;
  }
  slice.region = {segment.file(), first->position, end->position - first->position};
  slice.first_offset = first->base_offset;
  slice.end_offset = end->base_offset;
  return slice;
}

absl::StatusOr<std::optional<TimestampOffset>> LogImpl::FindByTimestamp(int64_t timestamp_ms,
                                                                        int64_t upper_bound) {
  const int64_t end_offset = std::min(upper_bound, log_end_offset());
  for (const auto& [base_offset, segment] : segments_) {
    if (base_offset >= end_offset) break;
    if (segment->max_timestamp_ms() < timestamp_ms) continue;
    auto found = FindTimestampIn(*segment, timestamp_ms, end_offset);
    if (!found.ok() || *found) return found;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<TimestampOffset>> LogImpl::FindTimestampIn(Segment& segment,
                                                                        int64_t timestamp_ms,
                                                                        int64_t end_offset) {
  const absl::StatusOr<BatchBoundary> floor = segment.TimestampFloor(timestamp_ms);
  if (!floor.ok()) return floor.status();
  BatchScanner scanner(*segment.file(), floor->position, segment.size_bytes(),
                       BatchScanner::Depth::kHeaders, BatchScanner::kLookupChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (!more.ok()) return more.status();
    if (!*more || scanner.header().base_offset() >= end_offset) return std::nullopt;
    const kafka::RecordBatchHeader header = scanner.header();
    if (header.max_timestamp() < timestamp_ms || header.last_offset() < log_start_offset_) continue;
    const auto batch = ReadBatch(*segment.file(), scanner.position(), scanner.size_bytes());
    if (!batch.ok()) return batch.status();
    // A batch's header may promise a timestamp that none of its records has: then the search goes
    // on.
    auto found = FindRecord(*batch, timestamp_ms, log_start_offset_, end_offset);
    if (!found.ok() || *found) return found;
  }
}

absl::StatusOr<std::optional<TimestampOffset>> LogImpl::FindMaxTimestamp(int64_t upper_bound) {
  const int64_t end_offset = std::min(upper_bound, log_end_offset());
  int64_t max_timestamp_ms = -1;
  for (const auto& [base_offset, segment] : segments_) {
    if (base_offset >= end_offset) break;
    const absl::StatusOr<int64_t> in_segment = MaxTimestampIn(*segment, end_offset);
    if (!in_segment.ok()) return in_segment.status();
    max_timestamp_ms = std::max(max_timestamp_ms, *in_segment);
  }
  if (max_timestamp_ms < 0) return std::nullopt;
  return FindByTimestamp(max_timestamp_ms, upper_bound);
}

absl::StatusOr<int64_t> LogImpl::MaxTimestampIn(Segment& segment, int64_t end_offset) {
  const bool starts_inside = segment.base_offset() >= log_start_offset_;
  if (starts_inside && segment.end_offset() <= end_offset) return segment.max_timestamp_ms();
  int64_t max_timestamp_ms = -1;
  int64_t scan_offset = std::max(segment.base_offset(), log_start_offset_);
  if (starts_inside) {
    const auto newest = segment.NewestTimeBelow(end_offset);
    if (!newest.ok()) return newest.status();
    if (*newest) {
      max_timestamp_ms = (*newest)->timestamp_ms;
      scan_offset = (*newest)->offset;
    }
  }
  const absl::StatusOr<BatchBoundary> from = segment.FindBatch(scan_offset);
  if (!from.ok()) return from.status();
  BatchScanner scanner(*segment.file(), from->position, segment.size_bytes(),
                       BatchScanner::Depth::kHeaders, BatchScanner::kLookupChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (!more.ok()) return more.status();
    if (!*more || scanner.header().base_offset() >= end_offset) return max_timestamp_ms;
    max_timestamp_ms = std::max(max_timestamp_ms, scanner.header().max_timestamp());
  }
}

EpochEndOffset LogImpl::EndOffsetForEpoch(int32_t leader_epoch) const {
  return epochs_.EndOffsetFor(leader_epoch, log_end_offset());
}

int32_t LogImpl::latest_leader_epoch() const { return epochs_.LatestEpoch(); }

int32_t LogImpl::LeaderEpochOf(int64_t offset) const { return epochs_.EpochOf(offset); }

}  // namespace soliton::segment

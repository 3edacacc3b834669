#include "segment/producer_recovery.h"

#include <algorithm>

#include "runtime/obs/logging.h"
#include "segment/batch_scanner.h"

namespace soliton::segment {
namespace {

absl::Status Replay(Segment& segment, int64_t from_offset, int64_t now_ms,
                    ProducerStateTable& producers) {
  const absl::StatusOr<BatchBoundary> from =
      segment.FindBatch(std::max(from_offset, segment.base_offset()));
  if (!from.ok()) return from.status();
  BatchScanner scanner(*segment.file(), from->position, segment.size_bytes(),
                       BatchScanner::Depth::kHeaders, BatchScanner::kScanChunkBytes);
  while (true) {
    const absl::StatusOr<bool> more = scanner.Next();
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    const kafka::RecordBatchHeader batch = scanner.header();
    if (batch.has_producer_id()) {
      producers.Update(ProducerBatch::Of(batch, now_ms), batch.base_offset());
    }
  }
}

}  // namespace

absl::StatusOr<ProducerStateTable> RecoverProducers(FileSystem& fs, const std::string& directory,
                                                    const SegmentMap& segments,
                                                    const std::set<int64_t>& snapshots,
                                                    int64_t now_ms) {
  const int64_t first_offset = segments.begin()->first;
  const int64_t end_offset = segments.rbegin()->second->end_offset();
  ProducerStateTable producers;
  int64_t from_offset = first_offset;
  for (auto it = snapshots.rbegin(); it != snapshots.rend(); ++it) {
    if (*it > end_offset) continue;
    if (*it < first_offset) break;
    const std::string path = JoinPath(directory, SegmentFileName(*it, kSnapshotSuffix));
    const auto bytes = ReadFile(fs, path);
    if (!bytes.ok()) continue;  // one that never became durable
    auto decoded = ProducerStateTable::Decode(*bytes);
    if (!decoded.ok()) {
      LogWarn("{}: {}; producers are read from the batches behind an older one", path,
              std::string(decoded.status().message()));
      continue;
    }
    producers = *std::move(decoded);
    from_offset = *it;
    break;
  }
  for (const auto& [base_offset, segment] : segments) {
    if (segment->end_offset() <= from_offset) continue;
    if (absl::Status status = Replay(*segment, from_offset, now_ms, producers); !status.ok()) {
      return status;
    }
  }
  return producers;
}

}  // namespace soliton::segment

#include "controller/log/metadata_log_reader.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "protocol/record/batch_iterator.h"
#include "runtime/base/buffer_chain.h"

namespace soliton::controller {
namespace {

constexpr int64_t kReadBytes = 4 << 20;

}  // namespace

segment::LogOptions MetadataLogOptions(int64_t segment_bytes) {
  segment::LogOptions options;
  // One decision is one batch, however many partitions it touches.
  options.validation.max_message_bytes = std::numeric_limits<int32_t>::max();
  options.validation.timestamp_after_max_ms = std::numeric_limits<int64_t>::max();
  options.segment_bytes = segment_bytes;
  options.segment_ms = std::numeric_limits<int64_t>::max();
  return options;
}

absl::Status ForEachLoggedBatch(segment::Log& log, int64_t from, int64_t end,
                                const std::function<absl::Status(const LoggedBatch&)>& visit) {
  while (from < end) {
    auto slice = log.Read(from, end, kReadBytes, true);
    if (!slice.ok()) return slice.status();
    if (slice->end_offset <= from) break;
    BufferChain chain;
    chain.Append(slice->region);
    auto bytes = chain.Flatten();
    if (!bytes.ok()) return bytes.status();
    auto views = kafka::SplitBatches(*bytes);
    if (!views.ok()) return views.status();
    for (const kafka::RecordBatchView& view : views->batches) {
      auto batches = DecodeMetadataBatches(view.buffer());
      if (!batches.ok()) return batches.status();
      absl::Status visited = visit({std::move(batches->front()), view.buffer()});
      if (!visited.ok()) return visited;
    }
    from = slice->end_offset;
  }
  if (from == end) return absl::OkStatus();
  return absl::DataLossError(
      fmt::format("{} ends at offset {}, expected {}", log.directory(), from, end));
}

}  // namespace soliton::controller

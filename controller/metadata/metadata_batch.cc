#include "controller/metadata/metadata_batch.h"

#include <fmt/format.h>

#include <string>

#include "protocol/record/batch_builder.h"
#include "protocol/record/batch_iterator.h"
#include "protocol/record/record_iterator.h"
#include "runtime/base/check.h"

namespace soliton::controller {
namespace {

// Batches are written uncompressed; the bound only stops a foreign, compressed one from swelling.
constexpr size_t kMaxBatchPayloadBytes = 512 * 1024 * 1024;

absl::Status Damaged(int64_t offset, std::string_view what) {
  return absl::DataLossError(fmt::format("metadata log: the batch at offset {} {}", offset, what));
}

absl::StatusOr<MetadataBatch> DecodeOne(const kafka::RecordBatchView& view) {
  MetadataBatch batch;
  batch.base_offset = view.base_offset();
  if (!view.CrcMatches()) return Damaged(batch.base_offset, "fails its checksum");
  auto records = kafka::RecordIterator::Open(view, kMaxBatchPayloadBytes);
  if (!records.ok()) return records.status();
  kafka::Record record;
  while (true) {
    absl::StatusOr<bool> more = records->Next(record);
    if (!more.ok()) return more.status();
    if (!*more) break;
    pb::MetadataRecord parsed;
    if (!record.value ||
        !parsed.ParseFromArray(record.value->data(), static_cast<int>(record.value->size()))) {
      return Damaged(batch.base_offset, "holds a record that is no metadata record");
    }
    batch.records.push_back(std::move(parsed));
  }
  if (batch.end_offset() != view.next_offset()) {
    return Damaged(batch.base_offset, "has gaps between its offsets");
  }
  return batch;
}

}  // namespace

Buffer EncodeMetadataBatch(const std::vector<pb::MetadataRecord>& records, int64_t base_offset,
                           int64_t timestamp_ms) {
  CHECK(!records.empty());
  kafka::BatchOptions options;
  options.base_offset = base_offset;
  kafka::BatchBuilder builder(options);
  std::string value;
  for (const pb::MetadataRecord& record : records) {
    CHECK(record.SerializeToString(&value));
    builder.Append(timestamp_ms, std::nullopt, value);
  }
  return builder.Build();
}

absl::StatusOr<std::vector<MetadataBatch>> DecodeMetadataBatches(Buffer bytes) {
  std::vector<MetadataBatch> batches;
  kafka::BatchIterator iterator(std::move(bytes));
  while (true) {
    auto view = iterator.Next();
    if (!view.ok()) return view.status();
    if (!view->has_value()) break;
    auto batch = DecodeOne(**view);
    if (!batch.ok()) return batch.status();
    batches.push_back(*std::move(batch));
  }
  if (iterator.remaining_bytes() != 0) {
    return absl::DataLossError(fmt::format("metadata batches end with {} bytes that are no batch",
                                           iterator.remaining_bytes()));
  }
  return batches;
}

}  // namespace soliton::controller

#include "protocol/record/control_record.h"

#include <fmt/format.h>

#include "protocol/record/batch_builder.h"
#include "protocol/record/record_iterator.h"
#include "runtime/base/check.h"
#include "runtime/base/endian.h"

namespace soliton::kafka {
namespace {

constexpr int16_t kKeyVersion = 0;
constexpr int16_t kMarkerVersion = 0;
constexpr size_t kKeyBytes = 4;
constexpr size_t kMarkerBytes = 6;
// A control payload is a few dozen bytes; this only bounds what a compressed one may claim.
constexpr size_t kMaxControlPayloadBytes = 64 * 1024;

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}
uint8_t* Bytes(std::string& text) { return reinterpret_cast<uint8_t*>(text.data()); }

}  // namespace

std::string EncodeControlKey(ControlType type) {
  std::string key(kKeyBytes, '\0');
  StoreBigEndian(Bytes(key), kKeyVersion);
  StoreBigEndian(Bytes(key) + 2, static_cast<int16_t>(type));
  return key;
}

absl::StatusOr<ControlType> DecodeControlKey(std::string_view key) {
  if (key.size() < kKeyBytes || LoadBigEndian<int16_t>(Bytes(key)) < 0) {
    return absl::DataLossError(fmt::format("control key of {} bytes is malformed", key.size()));
  }
  return static_cast<ControlType>(LoadBigEndian<int16_t>(Bytes(key) + 2));
}

std::string EncodeEndTransactionMarker(const EndTransactionMarker& marker) {
  std::string value(kMarkerBytes, '\0');
  StoreBigEndian(Bytes(value), kMarkerVersion);
  StoreBigEndian(Bytes(value) + 2, marker.coordinator_epoch);
  return value;
}

absl::StatusOr<EndTransactionMarker> DecodeEndTransactionMarker(std::string_view value) {
  if (value.size() < kMarkerBytes || LoadBigEndian<int16_t>(Bytes(value)) < 0) {
    return absl::DataLossError(
        fmt::format("transaction marker of {} bytes is malformed", value.size()));
  }
  return EndTransactionMarker{.coordinator_epoch = LoadBigEndian<int32_t>(Bytes(value) + 2)};
}

Buffer BuildEndTransactionBatch(ControlType commit_or_abort, int64_t producer_id,
                                int16_t producer_epoch, const EndTransactionMarker& marker,
                                int64_t timestamp_ms) {
  CHECK(commit_or_abort == ControlType::kCommit || commit_or_abort == ControlType::kAbort);
  BatchBuilder builder({.producer_id = producer_id,
                        .producer_epoch = producer_epoch,
                        .transactional = true,
                        .control = true});
  builder.Append(timestamp_ms, EncodeControlKey(commit_or_abort),
                 EncodeEndTransactionMarker(marker));
  return builder.Build();
}

absl::StatusOr<ControlRecord> ReadControlRecord(const RecordBatchView& batch) {
  if (!batch.is_control() || batch.records_count() != 1) {
    return absl::DataLossError("not a control batch of one record");
  }
  absl::StatusOr<RecordIterator> records = RecordIterator::Open(batch, kMaxControlPayloadBytes);
  if (!records.ok()) return records.status();
  Record record;
  absl::StatusOr<bool> more = records->Next(record);
  if (!more.ok()) return more.status();
  absl::StatusOr<ControlType> type = DecodeControlKey(record.key.value_or(std::string_view()));
  if (!type.ok()) return type.status();
  ControlRecord result{.type = *type};
  if (*type == ControlType::kAbort || *type == ControlType::kCommit) {
    absl::StatusOr<EndTransactionMarker> marker =
        DecodeEndTransactionMarker(record.value.value_or(std::string_view()));
    if (!marker.ok()) return marker.status();
    result.marker = *marker;
  }
  return result;
}

}  // namespace soliton::kafka

// Control batches: one record that consumers skip but that takes an offset. Key = {int16 version,
// int16 type}; the value depends on the type. Transaction markers are made by the transaction
// coordinator through the leader and never by clients. Source: KIP-98 (markers), KIP-595 (leader
// change).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "protocol/record/record_batch.h"
#include "runtime/base/buffer.h"

namespace soliton::kafka {

enum class ControlType : int16_t {
  kAbort = 0,
  kCommit = 1,
  kLeaderChange = 2,
  kSnapshotHeader = 3,
  kSnapshotFooter = 4,
  kKRaftVersion = 5,
  kKRaftVoters = 6,
};

std::string EncodeControlKey(ControlType type);
// Types that this version does not know are returned as they are (a reader skips them). kDataLoss
// when short.
absl::StatusOr<ControlType> DecodeControlKey(std::string_view key);

// Value of an abort or commit marker.
struct EndTransactionMarker {
  int32_t coordinator_epoch = 0;
};
std::string EncodeEndTransactionMarker(const EndTransactionMarker& marker);
// Newer versions may append fields; they are ignored.
absl::StatusOr<EndTransactionMarker> DecodeEndTransactionMarker(std::string_view value);

// A whole marker batch, ready to append: transactional and control bits, no sequence, uncompressed.
Buffer BuildEndTransactionBatch(ControlType commit_or_abort, int64_t producer_id,
                                int16_t producer_epoch, const EndTransactionMarker& marker,
                                int64_t timestamp_ms);

// The type and the marker (for kAbort and kCommit) of a control batch. kDataLoss when the batch is
// none, has not exactly one record, or the record is malformed.
struct ControlRecord {
  ControlType type = ControlType::kAbort;
  EndTransactionMarker marker;
};
absl::StatusOr<ControlRecord> ReadControlRecord(const RecordBatchView& batch);

}  // namespace soliton::kafka

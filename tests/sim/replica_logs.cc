#include "tests/sim/replica_logs.h"

#include <optional>

#include "protocol/record/batch_iterator.h"
#include "protocol/record/record_iterator.h"
#include "tests/sim/payload.h"

namespace soliton::sim {
namespace {

constexpr size_t kMaxRecordBytes = 1 << 20;

BatchObservation ToObservation(const kafka::RecordBatchView& batch) {
  BatchObservation out;
  out.base_offset = batch.base_offset();
  out.last_offset = batch.last_offset();
  out.leader_epoch = batch.leader_epoch();
  // The CRC covers everything but base offset and leader epoch; it is checked when records are
  // read.
  out.content_hash = uint64_t{batch.crc()} << 32 | static_cast<uint32_t>(batch.batch_length());
  out.producer_id = batch.producer_id();
  out.producer_epoch = batch.producer_epoch();
  out.base_sequence = batch.base_sequence();
  return out;
}

// take(offset, value) of each record; kDataLoss for a damaged batch.
template <typename Take>
absl::Status ForEachRecord(const kafka::RecordBatchView& batch, const Take& take) {
  if (!batch.CrcMatches()) {
    return absl::DataLossError(fmt::format("batch at {} is damaged", batch.base_offset()));
  }
  auto iterator = kafka::RecordIterator::Open(batch, kMaxRecordBytes);
  if (!iterator.ok()) return iterator.status();
  kafka::Record record;
  for (;;) {
    auto more = iterator->Next(record);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    absl::Status taken = take(batch.base_offset() + record.offset_delta, record.value.value_or(""));
    if (!taken.ok()) return taken;
  }
}

absl::Status AddRecords(const PartitionName& partition, const kafka::RecordBatchView& batch,
                        std::vector<RecordObservation>& records) {
  return ForEachRecord(batch, [&](int64_t offset, std::string_view value) {
    auto name = ParsePayload(partition, value);
    if (!name.ok()) return name.status();
    records.push_back({offset, *name});
    return absl::OkStatus();
  });
}

template <typename Take>
absl::Status ForEachBatch(const broker::Broker& app, const broker::Broker::ReplicaSnapshot& replica,
                          int64_t from, int64_t to, const Take& take) {
  if (from >= to) return absl::OkStatus();
  auto bytes = app.ReadReplica(replica.topic_id, replica.partition, from, to);
  if (!bytes.ok()) return bytes.status();
  kafka::BatchIterator batches(*std::move(bytes));
  for (;;) {
    auto batch = batches.Next();
    if (!batch.ok()) return batch.status();
    if (!*batch) return absl::OkStatus();
    if ((*batch)->last_offset() < from) continue;
    if (absl::Status taken = take(**batch); !taken.ok()) return taken;
  }
}

}  // namespace

absl::StatusOr<std::vector<BatchObservation>> ReadBatches(
    const broker::Broker& app, const broker::Broker::ReplicaSnapshot& replica, int64_t from,
    int64_t to) {
  std::vector<BatchObservation> out;
  absl::Status status =
      ForEachBatch(app, replica, from, to, [&](const kafka::RecordBatchView& batch) {
        out.push_back(ToObservation(batch));
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return out;
}

absl::StatusOr<std::vector<RecordObservation>> ReadRecords(
    const broker::Broker& app, const broker::Broker::ReplicaSnapshot& replica,
    const PartitionName& partition, int64_t from, int64_t to) {
  std::vector<RecordObservation> out;
  absl::Status status = ForEachBatch(
      app, replica, from, to,
      [&](const kafka::RecordBatchView& batch) { return AddRecords(partition, batch, out); });
  if (!status.ok()) return status;
  return out;
}

absl::StatusOr<std::string> ReadValue(const broker::Broker& app,
                                      const broker::Broker::ReplicaSnapshot& replica,
                                      int64_t offset) {
  if (offset < replica.log_start_offset || offset >= replica.log_end_offset) {
    return absl::OutOfRangeError(fmt::format("no offset {}", offset));
  }
  std::optional<std::string> out;
  absl::Status status =
      ForEachBatch(app, replica, offset, offset + 1, [&](const kafka::RecordBatchView& batch) {
        return ForEachRecord(batch, [&](int64_t at, std::string_view value) {
          if (at == offset) out = std::string(value);
          return absl::OkStatus();
        });
      });
  if (!status.ok()) return status;
  if (!out) return absl::NotFoundError(fmt::format("no record at offset {}", offset));
  return *std::move(out);
}

}  // namespace soliton::sim

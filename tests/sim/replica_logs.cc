#include "tests/sim/replica_logs.h"

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

absl::Status AddRecords(const PartitionName& partition, const kafka::RecordBatchView& batch,
                        std::vector<RecordObservation>& records) {
  if (!batch.CrcMatches()) {
    return absl::DataLossError(
        fmt::format("{}: batch at {} is damaged", partition.ToString(), batch.base_offset()));
  }
  auto iterator = kafka::RecordIterator::Open(batch, kMaxRecordBytes);
  if (!iterator.ok()) return iterator.status();
  kafka::Record record;
  for (;;) {
    auto more = iterator->Next(record);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    auto name = ParsePayload(partition, record.value.value_or(""));
    if (!name.ok()) return name.status();
    records.push_back({batch.base_offset() + record.offset_delta, *name});
  }
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

}  // namespace soliton::sim

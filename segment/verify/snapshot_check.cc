#include "segment/verify/snapshot_check.h"

#include <fmt/format.h>

#include <utility>

#include "segment/state/producer_state.h"

namespace soliton::segment {

void SnapshotCheck::Add(const kafka::RecordBatchHeader& batch) {
  while (!pending_.empty() && pending_.begin()->first <= batch.base_offset()) {
    const auto [offset, path] = *pending_.begin();
    pending_.erase(pending_.begin());
    Compare(offset, path);
  }
  if (!batch.has_producer_id()) return;
  Newest& newest = producers_[batch.producer_id()];
  if (batch.is_control()) {
    // A marker ends a transaction and may raise the epoch: the sequence begins anew.
    producers_.erase(batch.producer_id());
    return;
  }
  newest = {.epoch = batch.producer_epoch(),
            .last_sequence = batch.last_sequence(),
            .last_offset = batch.last_offset()};
}

void SnapshotCheck::Compare(int64_t offset, const std::string& path) {
  const auto differs = [&](std::string what) {
    unsure_.push_back({Finding::Kind::kDamaged, path, -1, offset, std::move(what)});
  };
  const absl::StatusOr<std::string> bytes = ReadFile(fs_, path);
  if (!bytes.ok()) return differs(std::string(bytes.status().message()));
  const auto snapshot = ProducerStateTable::Decode(*bytes);
  if (!snapshot.ok()) return differs(std::string(snapshot.status().message()));
  for (const auto& [id, seen] : producers_) {
    const ProducerStateTable::Producer* producer = snapshot->Find(id);
    if (producer == nullptr || producer->newest() == nullptr) continue;
    const ProducerStateTable::Batch& newest = *producer->newest();
    if (producer->epoch == seen.epoch && newest.last_sequence == seen.last_sequence &&
        newest.last_offset == seen.last_offset) {
      continue;
    }
    return differs(
        fmt::format("has producer {} at epoch {}, sequence {}, offset {}; the log at "
                    "epoch {}, sequence {}, offset {}",
                    id, producer->epoch, newest.last_sequence, newest.last_offset, seen.epoch,
                    seen.last_sequence, seen.last_offset));
  }
}

void SnapshotCheck::Finish(int64_t log_end_offset, int64_t durable_end_offset) {
  while (!pending_.empty() && pending_.begin()->first <= log_end_offset) {
    const auto [offset, path] = *pending_.begin();
    pending_.erase(pending_.begin());
    Compare(offset, path);
  }
  for (const auto& [offset, path] : pending_) {
    unsure_.push_back({Finding::Kind::kDamaged, path, -1, offset,
                       fmt::format("lies beyond the log's end, {}", log_end_offset)});
  }
  for (Finding& finding : unsure_) {
    if (finding.offset > durable_end_offset) {
      finding.kind = Finding::Kind::kNote;
      finding.what += "; the next start removes it";
    }
    findings_.push_back(std::move(finding));
  }
}

}  // namespace soliton::segment

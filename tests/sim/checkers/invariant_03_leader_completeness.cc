#include "tests/sim/checkers/invariant_03_leader_completeness.h"

#include <algorithm>

namespace soliton::sim {
namespace {

std::string Describe(const BatchObservation& batch) {
  return fmt::format("[{}..{}] epoch {} hash {:x}", batch.base_offset, batch.last_offset,
                     batch.leader_epoch, batch.content_hash);
}

}  // namespace

int64_t CommittedLedger::end(const PartitionName& partition) const {
  const BatchObservation* newest = last(partition);
  return newest == nullptr ? 0 : newest->last_offset + 1;
}

const BatchObservation* CommittedLedger::last(const PartitionName& partition) const {
  auto found = committed_.find(partition);
  return found == committed_.end() || found->second.empty() ? nullptr : &found->second.back();
}

absl::Status CommittedLedger::Commit(const PartitionName& partition, int32_t leader,
                                     const std::vector<BatchObservation>& batches) {
  std::vector<BatchObservation>& ledger = committed_[partition];
  for (const BatchObservation& batch : batches) {
    const int64_t next = ledger.empty() ? 0 : ledger.back().last_offset + 1;
    // Later batches may begin further up: what lay between was deleted before it was seen.
    if (batch.base_offset < next) {
      return absl::InternalError(
          fmt::format("{}: leader {} commits {}, but offsets up to {} were committed before",
                      partition.ToString(), leader, Describe(batch), next));
    }
    ledger.push_back(batch);
  }
  return absl::OkStatus();
}

absl::Status CommittedLedger::CheckLeader(const ReplicaObservation& leader,
                                          const std::vector<BatchObservation>& from_last) const {
  const BatchObservation* newest = last(leader.partition);
  if (newest == nullptr || leader.log_start_offset > newest->base_offset) return absl::OkStatus();
  if (!from_last.empty() && from_last.front() == *newest) return absl::OkStatus();
  return absl::DataLossError(fmt::format(
      "{}: broker {} leads in epoch {} with log [{}, {}) without the committed batch {}: {} there",
      leader.partition.ToString(), leader.broker, leader.leader_epoch, leader.log_start_offset,
      leader.log_end_offset, Describe(*newest),
      from_last.empty() ? "nothing" : Describe(from_last.front())));
}

absl::Status CommittedLedger::CheckLog(const LogObservation& log) const {
  auto found = committed_.find(log.partition);
  if (found == committed_.end()) return absl::OkStatus();
  auto committed = found->second.begin();
  for (const BatchObservation& batch : log.batches) {
    if (batch.last_offset >= log.high_watermark) break;
    while (committed != found->second.end() && committed->last_offset < batch.base_offset) {
      ++committed;
    }
    if (committed == found->second.end()) break;
    if (committed->base_offset > batch.last_offset || *committed == batch) continue;
    return absl::DataLossError(
        fmt::format("{} on broker {}: {} below its high watermark {}, but {} "
                    "was committed",
                    log.partition.ToString(), log.broker, Describe(batch), log.high_watermark,
                    Describe(*committed)));
  }
  return absl::OkStatus();
}

}  // namespace soliton::sim

#include "tests/sim/checkers/invariant_02_18_log_matching.h"

#include <algorithm>
#include <map>

namespace soliton::sim {
namespace {

// The end of the last batch that both hold under the same (last offset, leader epoch): up to there
// the logs must be equal. -1 when there is none.
int64_t CommonEnd(const LogObservation& a, const LogObservation& b) {
  std::map<int64_t, int32_t> epochs;
  for (const BatchObservation& batch : a.batches) epochs[batch.last_offset] = batch.leader_epoch;
  for (auto batch = b.batches.rbegin(); batch != b.batches.rend(); ++batch) {
    auto found = epochs.find(batch->last_offset);
    if (found != epochs.end() && found->second == batch->leader_epoch)
      return batch->last_offset + 1;
  }
  return -1;
}

// Batches that lie wholly in [from, to).
std::vector<BatchObservation> Within(const LogObservation& log, int64_t from, int64_t to) {
  std::vector<BatchObservation> batches;
  for (const BatchObservation& batch : log.batches) {
    if (batch.base_offset >= from && batch.last_offset < to) batches.push_back(batch);
  }
  return batches;
}

std::string Describe(const std::vector<BatchObservation>& batches, size_t index) {
  if (index >= batches.size()) return "nothing";
  const BatchObservation& batch = batches[index];
  return fmt::format("[{}..{}] epoch {} hash {:x}", batch.base_offset, batch.last_offset,
                     batch.leader_epoch, batch.content_hash);
}

}  // namespace

absl::Status CheckLogsMatch(const LogObservation& a, const LogObservation& b) {
  const int64_t from = std::max(a.log_start_offset, b.log_start_offset);
  const int64_t to = std::max(CommonEnd(a, b), std::min(a.high_watermark, b.high_watermark));
  const std::vector<BatchObservation> left = Within(a, from, to);
  const std::vector<BatchObservation> right = Within(b, from, to);
  for (size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    if (i < left.size() && i < right.size() && left[i] == right[i]) continue;
    return absl::InternalError(
        fmt::format("{}: logs of brokers {} (high watermark {}) and {} (high watermark {}) differ: "
                    "{} against {}",
                    a.partition.ToString(), a.broker, a.high_watermark, b.broker, b.high_watermark,
                    Describe(left, i), Describe(right, i)));
  }
  return absl::OkStatus();
}

absl::Status CheckLogsMatch(const std::vector<LogObservation>& replicas) {
  for (size_t i = 0; i < replicas.size(); ++i) {
    for (size_t j = i + 1; j < replicas.size(); ++j) {
      if (absl::Status status = CheckLogsMatch(replicas[i], replicas[j]); !status.ok()) {
        return status;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace soliton::sim

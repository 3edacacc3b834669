#include "tests/sim/checkers/invariant_14_truncation_bound.h"

#include <algorithm>

namespace soliton::sim {

absl::Status TruncationBound::Observe(const ReplicaObservation& replica) {
  int64_t& known = highest_known_[{replica.broker, replica.incarnation, replica.partition}];
  known = std::max(known, replica.high_watermark);
  const bool ordered = replica.log_start_offset <= replica.high_watermark &&
                       replica.high_watermark <= replica.log_end_offset &&
                       replica.flushed_offset <= replica.log_end_offset;
  if (ordered && replica.log_end_offset >= known) return absl::OkStatus();
  return absl::InternalError(fmt::format(
      "{} on broker {}: log [{}, {}), flushed to {}, high watermark {}, highest known before {}",
      replica.partition.ToString(), replica.broker, replica.log_start_offset,
      replica.log_end_offset, replica.flushed_offset, replica.high_watermark, known));
}

}  // namespace soliton::sim

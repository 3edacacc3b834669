#include "tests/sim/checkers/invariant_27_legal_deletion.h"

namespace soliton::sim {

absl::Status CheckDeletion(const ReplicaObservation& replica, int64_t committed, bool may_delete) {
  if (replica.log_start_offset <= (may_delete ? committed : 0)) return absl::OkStatus();
  return absl::InternalError(fmt::format(
      "{} on broker {}: the log begins at {}; {}", replica.partition.ToString(), replica.broker,
      replica.log_start_offset,
      may_delete ? fmt::format("{} is committed", committed) : "nothing may be deleted"));
}

}  // namespace soliton::sim

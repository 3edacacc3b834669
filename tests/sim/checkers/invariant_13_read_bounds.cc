#include "tests/sim/checkers/invariant_13_read_bounds.h"

namespace soliton::sim {

absl::Status CheckCommitted(const PartitionName& partition, std::string_view who, int64_t offset,
                            int64_t committed) {
  if (offset < committed) return absl::OkStatus();
  return absl::InternalError(fmt::format("{}: {} was given offset {}, committed are those below {}",
                                         partition.ToString(), who, offset, committed));
}

}  // namespace soliton::sim

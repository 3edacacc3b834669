// Invariant 13, read bounds: no consumer gets an offset at or above the high watermark, and no
// producer with acks=all is told of one (the first half of invariant 7, at the moment it happens).
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

// `committed` is the highest high watermark that any leader has had.
absl::Status CheckCommitted(const PartitionName& partition, std::string_view who, int64_t offset,
                            int64_t committed);

}  // namespace soliton::sim

// Invariant 27, legal deletion: only what was committed is ever deleted, and nothing at all where
// no retention is configured.
#pragma once

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

// `committed` is the highest high watermark that any leader has had.
absl::Status CheckDeletion(const ReplicaObservation& replica, int64_t committed, bool may_delete);

}  // namespace soliton::sim

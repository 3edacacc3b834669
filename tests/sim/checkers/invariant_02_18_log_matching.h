// Invariants 2 and 18, log matching and convergence: where two replicas hold a batch with the same
// last offset and leader epoch, everything before it is equal too; and below both high watermarks
// the logs are equal whatever the epochs say.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

absl::Status CheckLogsMatch(const LogObservation& a, const LogObservation& b);
// Every pair of one partition's replicas.
absl::Status CheckLogsMatch(const std::vector<LogObservation>& replicas);

}  // namespace soliton::sim

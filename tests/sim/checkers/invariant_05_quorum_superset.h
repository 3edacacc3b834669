// Invariant 5: a high watermark rises only while the leader's ISR has min.insync.replicas members,
// and then over a set that includes everybody whom the controller might elect.
#pragma once

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

// `leader` as it is after its high watermark has risen; `committed` is what the controller has
// committed at that moment.
absl::Status CheckQuorum(const ReplicaObservation& leader, const PartitionMetadata& committed);

}  // namespace soliton::sim

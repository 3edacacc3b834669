// Reads the logs of living replicas between events, as values that the checkers take.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/broker.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

// Batches of [from, to) by their headers. An error when they cannot be read or a header is damaged.
absl::StatusOr<std::vector<BatchObservation>> ReadBatches(
    const broker::Broker& app, const broker::Broker::ReplicaSnapshot& replica, int64_t from,
    int64_t to);

// Records of [from, to) with every checksum checked. An error also when one of them is none of the
// workload's, or belongs to another partition.
absl::StatusOr<std::vector<RecordObservation>> ReadRecords(
    const broker::Broker& app, const broker::Broker::ReplicaSnapshot& replica,
    const PartitionName& partition, int64_t from, int64_t to);

// The value of the record at one offset. kNotFound or kOutOfRange when there is none.
absl::StatusOr<std::string> ReadValue(const broker::Broker& app,
                                      const broker::Broker::ReplicaSnapshot& replica,
                                      int64_t offset);

}  // namespace soliton::sim

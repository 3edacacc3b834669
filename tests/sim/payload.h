// The value of a workload record: names the record and where it was sent, padded to a length. A
// record that turns up elsewhere, or damaged, is found by its value alone.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

std::string MakePayload(const PartitionName& partition, const RecordName& name, size_t bytes);

// kDataLoss when it is no payload, was sent to another partition, or its padding is damaged.
absl::StatusOr<RecordName> ParsePayload(const PartitionName& partition, std::string_view value);

}  // namespace soliton::sim

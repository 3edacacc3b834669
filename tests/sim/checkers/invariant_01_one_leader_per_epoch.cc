#include "tests/sim/checkers/invariant_01_one_leader_per_epoch.h"

namespace soliton::sim {

absl::Status OneLeaderPerEpoch::Observe(const ReplicaObservation& replica) {
  if (!replica.leader) return absl::OkStatus();
  const auto [entry, first] =
      leader_of_epoch_.emplace(std::pair(replica.partition, replica.leader_epoch), replica.broker);
  if (first || entry->second == replica.broker) return absl::OkStatus();
  return absl::InternalError(fmt::format("{}: brokers {} and {} both led in epoch {}",
                                         replica.partition.ToString(), entry->second,
                                         replica.broker, replica.leader_epoch));
}

}  // namespace soliton::sim

#include "tests/sim/checkers/invariant_01_metadata_quorum.h"

#include <fmt/format.h>

namespace soliton::sim {

absl::Status MetadataQuorum::Observe(const QuorumObservation& seen) {
  if (seen.leads) {
    const auto [leader, first] = leaders_.try_emplace(seen.epoch, seen.voter);
    if (!first && leader->second != seen.voter) {
      return absl::InternalError(fmt::format("controllers {} and {} both lead in epoch {}",
                                             leader->second, seen.voter, seen.epoch));
    }
  }
  Position& position = positions_[seen.process];
  if (seen.epoch < position.epoch || seen.committed_end < position.committed_end) {
    return absl::InternalError(fmt::format(
        "{} goes back from epoch {}, committed up to {}, to epoch {}, committed up to {}",
        seen.process, position.epoch, position.committed_end, seen.epoch, seen.committed_end));
  }
  position = {seen.epoch, seen.committed_end};
  return absl::OkStatus();
}

}  // namespace soliton::sim

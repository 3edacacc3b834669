#include "bench/failover/outage.h"

#include <algorithm>

namespace soliton::bench {

std::optional<OutageParts> SplitOutage(Duration last_ack, Duration first_ack,
                                       const Sightings& seen) {
  if (!seen.elected || first_ack < last_ack) return std::nullopt;
  // A sighting is late by up to a question's interval, so an acknowledgement may come before it.
  const auto within = [&](Duration at, Duration not_before) {
    return std::clamp(std::max(at, not_before), last_ack, first_ack);
  };
  const Duration noticed = within(seen.noticed.value_or(*seen.elected), last_ack);
  const Duration elected = within(*seen.elected, noticed);
  const Duration knows = within(seen.leader_knows.value_or(*seen.elected), elected);
  return OutageParts{.detection = noticed - last_ack,
                     .election = elected - noticed,
                     .propagation = knows - elected,
                     .client = first_ack - knows};
}

void LeaderHistory::Saw(int32_t partition, int32_t teller, const LeaderView& view, Duration at) {
  const auto before = baseline_.find(partition);
  if (before == baseline_.end()) return;
  const bool differs = view.leader_epoch > before->second.leader_epoch || view.leader_id < 0 ||
                       (view.victim_offline && !before->second.victim_offline);
  if (!differs) return;
  Sightings& seen = sightings_[partition];
  if (!seen.noticed) seen.noticed = at;
  const bool elected = view.leader_id >= 0 && view.leader_epoch > before->second.leader_epoch;
  if (!elected) return;
  if (!seen.elected) seen.elected = at;
  if (!seen.leader_knows && teller == view.leader_id) seen.leader_knows = at;
}

Sightings LeaderHistory::Of(int32_t partition) const {
  const auto it = sightings_.find(partition);
  return it == sightings_.end() ? Sightings{} : it->second;
}

bool LeaderHistory::Settled(int32_t victim) const {
  return std::all_of(baseline_.begin(), baseline_.end(), [&](const auto& entry) {
    return entry.second.leader_id != victim || Of(entry.first).leader_knows.has_value();
  });
}

}  // namespace soliton::bench

#include "tests/sim/checkers/invariant_12_monotone_visibility.h"

namespace soliton::sim {

absl::Status MonotoneVisibility::Observe(const std::string& observer,
                                         const PartitionName& partition, const std::string& what,
                                         int64_t value) {
  const auto [entry, first] = highest_.emplace(std::tuple(observer, partition, what), value);
  if (value < entry->second) {
    return absl::InternalError(fmt::format("{}: {} saw {} go back from {} to {}",
                                           partition.ToString(), observer, what, entry->second,
                                           value));
  }
  entry->second = value;
  return absl::OkStatus();
}

void MonotoneVisibility::Forget(const std::string& observer, const PartitionName& partition) {
  std::erase_if(highest_, [&](const auto& entry) {
    return std::get<0>(entry.first) == observer && std::get<1>(entry.first) == partition;
  });
}

}  // namespace soliton::sim

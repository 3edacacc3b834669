#include "controller/core/replica_placer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace soliton::controller {
namespace {

// Brokers in an order in which racks alternate: the first of each rack, then the second of each,
// ...
std::vector<UsableBroker> AlternateRacks(const std::vector<UsableBroker>& brokers, bool active) {
  std::map<std::string, std::vector<UsableBroker>> by_rack;
  for (const UsableBroker& broker : brokers) {
    if (broker.active == active) by_rack[broker.rack].push_back(broker);
  }
  for (auto& [rack, members] : by_rack) {
    std::sort(members.begin(), members.end(),
              [](const auto& a, const auto& b) { return a.broker_id < b.broker_id; });
  }
  std::vector<UsableBroker> order;
  bool found = true;
  for (size_t round = 0; found; ++round) {
    found = false;
    for (const auto& [rack, members] : by_rack) {
      if (round >= members.size()) continue;
      order.push_back(members[round]);
      found = true;
    }
  }
  return order;
}

// The replicas of one partition as they are chosen.
class Placement {
 public:
  explicit Placement(size_t wanted) : wanted_(wanted) {}

  bool full() const { return replicas_.size() == wanted_; }

  void Add(const UsableBroker& broker) {
    replicas_.push_back(broker.broker_id);
    racks_.insert(broker.rack);
  }

  // Fills up from `order`, beginning at `start`: brokers of racks not used yet first, then any.
  void FillFrom(const std::vector<UsableBroker>& order, size_t start) {
    for (const bool any_rack : {false, true}) {
      for (size_t i = 0; i < order.size() && !full(); ++i) {
        const UsableBroker& broker = order[(start + i) % order.size()];
        if (!any_rack && racks_.contains(broker.rack)) continue;
        if (Has(broker.broker_id)) continue;
        Add(broker);
      }
    }
  }

  std::vector<int32_t> Take() && { return std::move(replicas_); }

 private:
  bool Has(int32_t id) const {
    return std::find(replicas_.begin(), replicas_.end(), id) != replicas_.end();
  }

  size_t wanted_;
  std::vector<int32_t> replicas_;
  std::set<std::string> racks_;
};

}  // namespace

absl::StatusOr<std::vector<std::vector<int32_t>>> PlaceReplicas(
    const std::vector<UsableBroker>& brokers, int32_t partition_count, int32_t replication_factor,
    Random& random) {
  const std::vector<UsableBroker> active = AlternateRacks(brokers, true);
  const std::vector<UsableBroker> inactive = AlternateRacks(brokers, false);
  if (brokers.size() < static_cast<size_t>(replication_factor)) {
    return absl::FailedPreconditionError(
        fmt::format("a replication factor of {} needs as many brokers, {} registered",
                    replication_factor, brokers.size()));
  }
  if (active.empty()) return absl::FailedPreconditionError("no broker is live");

  const size_t first_leader = random.Below(active.size());
  const size_t first_shift = random.Below(active.size());
  std::vector<std::vector<int32_t>> placed;
  for (size_t p = 0; p < static_cast<size_t>(partition_count); ++p) {
    const size_t leader = (first_leader + p) % active.size();
    const size_t round = p / active.size();
    // Followers start 1 .. n-1 places after the leader, one further each round.
    const size_t others = std::max<size_t>(1, active.size() - 1);
    const size_t shift = 1 + (first_shift + round) % others;
    Placement placement(static_cast<size_t>(replication_factor));
    placement.Add(active[leader]);
    placement.FillFrom(active, leader + shift);
    if (!placement.full()) placement.FillFrom(inactive, p % inactive.size());
    placed.push_back(std::move(placement).Take());
  }
  return placed;
}

}  // namespace soliton::controller

#include "controller/core/partition_change.h"

#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"

#include <algorithm>

namespace soliton::controller {
namespace {

bool Contains(const std::vector<int32_t>& list, int32_t id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

template <typename Predicate>
std::vector<int32_t> Filter(const std::vector<int32_t>& list, Predicate keep) {
  std::vector<int32_t> kept;
  std::copy_if(list.begin(), list.end(), std::back_inserter(kept), keep);
  return kept;
}

// One decision on its way: the fields of the next state as they become known.
class Decision {
 public:
  Decision(const PartitionInfo& current, const PartitionEvent& event, const PartitionRules& rules)
      : current_(current), event_(event), rules_(rules), next_(current) {}

  std::optional<PartitionDecision> Make() {
    TakeAssignment();
    ChooseHolders();
    CompleteReassignment();
    ChooseLeader();
    ChooseEligibleLeaders();
    return Finish();
  }

 private:
  bool Active(int32_t id) const { return rules_.is_active(id); }
  bool Lost(int32_t id) const { return event_.lost_data.contains(id); }
  bool Gone(int32_t id) const { return !Contains(next_.replicas, id); }

  // The first of `from`, in replica order, that may lead.
  std::optional<int32_t> FirstActive(const std::vector<int32_t>& from) const {
    for (const int32_t id : next_.replicas) {
      if (Contains(from, id) && Active(id)) return id;
    }
    return std::nullopt;
  }

  void TakeAssignment() {
    if (!event_.assignment) return;
    next_.replicas = event_.assignment->replicas;
    next_.adding_replicas = event_.assignment->adding;
    next_.removing_replicas = event_.assignment->removing;
  }

  // Whoever goes may go when all who stay have everything.
  void CompleteReassignment() {
    if (!next_.reassigning()) return;
    const std::vector<int32_t> staying =
        Filter(next_.replicas, [&](int32_t id) { return !Contains(next_.removing_replicas, id); });
    const bool complete = std::all_of(staying.begin(), staying.end(), [&](int32_t id) {
      return (SOLITON_MUTANT("reassignment_completes_early") || Contains(next_.isr, id)) &&
             Active(id);
    });
    if (!complete) return;
    next_.replicas = staying;
    next_.adding_replicas.clear();
    next_.removing_replicas.clear();
    next_.isr = Filter(next_.isr, [&](int32_t id) { return !Gone(id); });
  }

  // next_.isr: those that hold all committed records, without the inactive ones unless nobody else
  // is left.
  void ChooseHolders() {
    const std::vector<int32_t>& base = event_.new_isr ? *event_.new_isr : current_.isr;
    std::vector<int32_t> holders = Filter(base, [&](int32_t id) {
      return (SOLITON_MUTANT("lost_data_stays_in_isr") || !Lost(id)) && !Gone(id);
    });
    if (holders.empty()) {
      holders =
          Filter(current_.eligible_leaders, [&](int32_t id) { return !Lost(id) && !Gone(id); });
    }
    // The last member stays, whatever it still has.
    if (holders.empty()) holders = Filter(base, [&](int32_t id) { return !Gone(id); });
    std::vector<int32_t> active = Filter(holders, [&](int32_t id) { return Active(id); });
    next_.isr = active.empty() ? std::move(holders) : std::move(active);
  }

  void ChooseLeader() {
    const int32_t first = next_.replicas.front();
    if (event_.prefer_first && first != current_.leader && Contains(next_.isr, first) &&
        Active(first)) {
      election_ = ElectionKind::kPreferred;
      return Elect(first);
    }
    if (Contains(next_.isr, current_.leader) && Active(current_.leader)) return;
    election_ = ElectionKind::kInSync;
    if (const auto in_sync = FirstActive(next_.isr)) return Elect(*in_sync);

    std::vector<int32_t> eligible =
        Filter(current_.eligible_leaders, [&](int32_t id) { return !Lost(id) && !Gone(id); });
    election_ = ElectionKind::kEligible;
    if (const auto id = FirstActive(eligible)) {
      SOMETIMES("an eligible leader replica was elected");
      return ElectAlone(*id);
    }

    const auto last = current_.last_known_leader;
    election_ = ElectionKind::kLastKnownLeader;
    if (next_.isr.empty() && eligible.empty() && last && Active(*last) && !Gone(*last)) {
      return ElectAlone(*last);
    }

    if (rules_.unclean_leader_election) {
      election_ = ElectionKind::kUnclean;
      if (const auto any = FirstActive(next_.replicas)) return ElectAlone(*any);
    }
    election_ = current_.leader == kNoLeader ? ElectionKind::kNone : ElectionKind::kLeaderLost;
    next_.leader = kNoLeader;
    if (current_.leader != kNoLeader) next_.last_known_leader = current_.leader;
  }

  void Elect(int32_t id) {
    next_.leader = id;
    next_.last_known_leader.reset();
  }

  void ElectAlone(int32_t id) {
    next_.isr = {id};
    Elect(id);
  }

  void ChooseEligibleLeaders() {
    next_.eligible_leaders.clear();
    // After an unclean election nobody is known to hold all committed records.
    if (election_ == ElectionKind::kUnclean) return;
    // Also where min_isr is another one than before; Kafka clears on any change of it (KIP-966).
    // Whoever was eligible is so because the ISR was too small for the old minimum: nothing was
    // committed without it then, and nothing is now as long as the ISR is too small for the new one
    // too. Leaders take both from metadata, in its order (Partition::OnIsrAnswer).
    if (static_cast<int>(next_.isr.size()) >= rules_.min_isr) return;
    next_.eligible_leaders = Filter(next_.replicas, [&](int32_t id) {
      return !Contains(next_.isr, id) && !Lost(id) &&
             (Contains(current_.isr, id) || Contains(current_.eligible_leaders, id));
    });
  }

  // Whether someone left the ISR who was not let go by the leader itself.
  bool MemberForcedOut() const {
    const std::vector<int32_t>& base = event_.new_isr ? *event_.new_isr : current_.isr;
    return std::any_of(base.begin(), base.end(), [&](int32_t id) {
      return Contains(current_.isr, id) && !Contains(next_.isr, id);
    });
  }

  bool ReplicaLeft() const {
    return !SOLITON_MUTANT("reassignment_keeps_leader_epoch") &&
           std::any_of(current_.replicas.begin(), current_.replicas.end(),
                       [&](int32_t id) { return Gone(id); });
  }

  std::optional<PartitionDecision> Finish() {
    if (next_ == current_) return std::nullopt;
    if (next_.leader != current_.leader || MemberForcedOut() || ReplicaLeft()) {
      ++next_.leader_epoch;
    }
    ++next_.partition_epoch;
    if (election_ == ElectionKind::kUnclean) next_.unclean_epoch = next_.leader_epoch;
    return PartitionDecision{.next = std::move(next_), .election = election_};
  }

  const PartitionInfo& current_;
  const PartitionEvent& event_;
  const PartitionRules& rules_;
  PartitionInfo next_;
  ElectionKind election_ = ElectionKind::kNone;
};

}  // namespace

std::optional<PartitionDecision> DecidePartition(const PartitionInfo& current,
                                                 const PartitionEvent& event,
                                                 const PartitionRules& rules) {
  return Decision(current, event, rules).Make();
}

std::string_view ElectionKindName(ElectionKind kind) {
  switch (kind) {
    case ElectionKind::kNone:
      return "no election";
    case ElectionKind::kPreferred:
      return "preferred replica";
    case ElectionKind::kInSync:
      return "in-sync replica";
    case ElectionKind::kEligible:
      return "eligible leader replica";
    case ElectionKind::kLastKnownLeader:
      return "last known leader";
    case ElectionKind::kUnclean:
      return "UNCLEAN: acknowledged records may be lost";
    case ElectionKind::kLeaderLost:
      return "no live replica may lead";
  }
  return "unknown";
}

}  // namespace soliton::controller

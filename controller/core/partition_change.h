// The decision about one partition: who leads, who is in sync, who may still lead (ELR, KIP-966).
// Pure, total, and the only place where this is decided. Everything else (fencing, shutdown, ISR
// changes, registrations) states what happened and asks here.
//
// What the decision rests on, with "committed" = below the true high watermark, which moves only
// while the ISR holds min.insync.replicas:
//   - every ISR member holds all committed records, so any of them may lead;
//   - a member that leaves the ISR while it is below min.insync.replicas still holds them (the high
//     watermark cannot pass it), and goes to the ELR until the ISR is large enough again, or until
//     min.insync.replicas is small enough;
//   - the ISR is never empty: when all members are gone, they stay and nobody leads. Emptying it
//     would forget who holds the data.
// A reassignment (KIP-455) adds replicas first, and lets others go in the same decision that finds
// all replicas that stay active and in sync: there are never fewer copies than before and after.
// Election order: present leader, ISR in replica order, ELR in replica order, last known leader
// when neither exists, and, only where unclean election is allowed, any live replica (audited data
// loss). Each of them must be active itself: a fenced last known leader is never elected
// (KAFKA-19522).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "controller/metadata/metadata_image.h"

namespace soliton::controller {

struct PartitionRules {
  int min_isr = 1;  // effective: min(min.insync.replicas, replication factor)
  bool unclean_leader_election = false;
  // Registered, not fenced, not shutting down; as it will be once the present decision is in force.
  std::function<bool(int32_t)> is_active;
};

// Who holds a partition and who is to: those that go come last in `replicas`.
struct ReplicaAssignment {
  std::vector<int32_t> replicas;
  std::vector<int32_t> adding;    // of `replicas`
  std::vector<int32_t> removing;  // of `replicas`
};

struct PartitionEvent {
  // The leader's proposal (AlterPartition), already checked against epochs. Not set: the present
  // ISR.
  std::optional<std::vector<int32_t>> new_isr;
  // Brokers that came back without a clean stop: what they held may be incomplete.
  std::set<int32_t> lost_data;
  // A reassignment begins, changes its aim or is taken back. Whoever asks has checked that somebody
  // who may lead is left (reassignment_control).
  std::optional<ReplicaAssignment> assignment;
  // The first replica shall lead, if it is active and in sync.
  bool prefer_first = false;
};

enum class ElectionKind {
  kNone,             // the leader stays
  kPreferred,        // the first replica, which was in sync
  kInSync,           // from the ISR
  kEligible,         // from the ELR
  kLastKnownLeader,  // ISR and ELR were empty
  kUnclean,          // data may be lost
  kLeaderLost,       // nobody can lead now
};

struct PartitionDecision {
  PartitionInfo next;  // epochs already raised
  ElectionKind election = ElectionKind::kNone;
};

// nullopt when nothing changes. Epochs: the partition epoch rises by one with any change; the
// leader epoch rises by one when the leader changes (also to none), and when a member leaves the
// ISR for another reason than the leader's own proposal, or a replica leaves altogether, so that
// the leader forgets what it knew of that replica: it may come back with an empty log.
std::optional<PartitionDecision> DecidePartition(const PartitionInfo& current,
                                                 const PartitionEvent& event,
                                                 const PartitionRules& rules);

std::string_view ElectionKindName(ElectionKind kind);

}  // namespace soliton::controller

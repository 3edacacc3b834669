// What can be done to a cluster, and to which of its nodes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace soliton::bench {

enum class FaultKind {
  kNone,
  kKillLeader,            // SIGKILL; not the quorum leader, where that is known
  kTermLeader,            // SIGTERM; the same
  kStopLeader,            // SIGSTOP, later SIGCONT; the same
  kKillController,        // SIGKILL of the quorum leader, whatever it leads
  kKillLeaderController,  // the same, and it must lead partitions
  kMoveLeader,            // another in-sync replica is made the leader; no process is touched
  kRollingRestart,        // every node in turn: SIGTERM, start, in sync again
  kCutLink,               // the leader can be reached by nobody, and hears nobody, until healed
};

// "kill-leader"; "none".
std::string FaultName(FaultKind kind);
// Every kind but kNone with its name, for options and messages.
const std::vector<std::pair<std::string, FaultKind>>& FaultKinds();

// The topic as it is before the fault.
struct PartitionLeaders {
  int32_t partition = -1;
  int32_t leader = -1;
  int32_t leader_epoch = -1;
  std::vector<int32_t> replicas;  // in order of preference
  std::vector<int32_t> in_sync;
};

struct Victim {
  int32_t node = -1;
  bool leads_quorum = false;
  std::vector<int32_t> leads;  // partitions of the topic
};

// kFailedPrecondition when no node fits, with what to do about it. `quorum_leader`: nullopt where
// the cluster does not tell. `wanted` overrules the choice.
absl::StatusOr<Victim> ChooseVictim(FaultKind kind, const std::vector<PartitionLeaders>& topic,
                                    std::optional<int32_t> quorum_leader,
                                    std::optional<int32_t> wanted);

// The replicas of a partition in the order that makes another in-sync one preferred: the first
// behind `leader`. nullopt when there is no other.
std::optional<std::vector<int32_t>> OrderWithoutLeaderFirst(const PartitionLeaders& partition);

}  // namespace soliton::bench

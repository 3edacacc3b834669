// Carries out plans of a reassignment on a cluster: AlterPartitionReassignments and its list
// (KIP-455), ElectLeaders (KIP-460). Shard of the loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/client_loop.h"
#include "cli/reassignment.h"

namespace soliton::cli {

// One partition whose replicas are moving now.
struct OngoingMove {
  std::string topic;
  int32_t partition = 0;
  std::vector<int32_t> replicas, adding, removing;

  std::string name() const;
};

// Asks for new replicas; an empty list of a plan's partition cancels what is under way there.
// `done` runs when the cluster has taken all of them, which is before records have moved. A refusal
// ends the command, naming the partition.
void ChangeReplicas(ClientLoop& loop, kafka::ClusterClient& cluster,
                    const std::vector<Assignment>& plan, std::function<void()> done);

// What is under way. A failure ends the command.
void ListMoves(ClientLoop& loop, kafka::ClusterClient& cluster,
               std::function<void(std::vector<OngoingMove>)> done);

// Makes the leaders what the plan says, and waits until they are. `done` gets the names of those
// that are not within `patience`. A refusal ends the command.
void MoveLeaders(ClientLoop& loop, kafka::ClusterClient& cluster, std::vector<LeaderMove> moves,
                 Duration patience, std::function<void(std::vector<std::string>)> done);

}  // namespace soliton::cli

// The verbs of `soliton cluster`, and what they share.
#pragma once

#include <memory>

#include "cli/admin_command.h"
#include "cli/cluster_view.h"
#include "cli/output.h"

namespace soliton::cli {

// A row per node.
Table NodeTable();
void FillNodeTable(const ClusterView& view, Table* table);

// "leader 2   epoch 5   3 of 3 voters follow", or why there is none.
std::string QuorumText(const absl::StatusOr<QuorumView>& quorum);

std::unique_ptr<Command> MakeClusterStatusCommand();
std::unique_ptr<Command> MakeClusterNodesCommand();
std::unique_ptr<Command> MakeClusterQuorumCommand();
std::unique_ptr<Command> MakeClusterHealthCommand();
std::unique_ptr<Command> MakeClusterEventsCommand();
std::unique_ptr<Command> MakeClusterMoveLeaderCommand();
std::unique_ptr<Command> MakeClusterDrainCommand();
std::unique_ptr<Command> MakeClusterReassignCommand();

}  // namespace soliton::cli

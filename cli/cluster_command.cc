// soliton cluster status | nodes | quorum | health ...
#include "cli/cluster_command.h"

#include <fmt/format.h>

#include "cli/all_commands.h"

namespace soliton::cli {
namespace {

std::string RolesOf(const NodeView& node) {
  if (!node.broker) return node.voter ? "controller" : "-";
  return node.voter ? "broker,controller" : "broker";
}

std::string StateOf(const NodeView& node) {
  if (!node.broker) return node.replicas > 0 ? "NOT THERE" : "-";
  if (node.fenced) return "FENCED";
  if (!node.unreachable.empty()) return "UNREACHABLE";
  return "ok";
}

}  // namespace

Table NodeTable() {
  using Align = Column::Align;
  return Table("nodes", {{"NODE", "node", "int", Align::kRight},
                         {"ADDRESS", "address", "string"},
                         {"RACK", "rack", "string", Align::kLeft, true},
                         {"ROLES", "roles", "string"},
                         {"QUORUM", "quorum", "string"},
                         {"LEADS", "leads", "int", Align::kRight},
                         {"REPLICAS", "replicas", "int", Align::kRight},
                         {"NOT IN SYNC", "not_in_sync", "int", Align::kRight},
                         {"STATE", "state", "string"}});
}

void FillNodeTable(const ClusterView& view, Table* table) {
  for (const auto& [node_id, node] : view.nodes) {
    const char* quorum = node.leads_quorum ? "leader" : node.voter ? "voter" : "-";
    table->AddRow({int64_t{node_id}, node.address.empty() ? Cell() : Cell(node.address),
                   node.rack.has_value() ? Cell(*node.rack) : Cell(), RolesOf(node),
                   view.quorum.ok() ? Cell(quorum) : Cell(), node.leads, node.replicas,
                   static_cast<int64_t>(node.out_of_sync.size()), StateOf(node)});
  }
}

std::string QuorumText(const absl::StatusOr<QuorumView>& quorum) {
  if (!quorum.ok()) {
    return fmt::format("{}: {}",
                       absl::IsUnimplemented(quorum.status()) ? "not judged" : "NO ANSWER",
                       std::string(quorum.status().message()));
  }
  return fmt::format(
      "leader {}   epoch {}   {} of {} voters follow",
      quorum->leader_id < 0 ? std::string("NONE") : fmt::format("{}", quorum->leader_id),
      quorum->epoch, quorum->following(), quorum->voters());
}

void AddClusterCommands(CommandList& commands) {
  commands.AddMaker(MakeClusterStatusCommand);
  commands.AddMaker(MakeClusterHealthCommand);
  commands.AddMaker(MakeClusterNodesCommand);
  commands.AddMaker(MakeClusterQuorumCommand);
  commands.AddMaker(MakeClusterEventsCommand);
  commands.AddMaker(MakeClusterMoveLeaderCommand);
  commands.AddMaker(MakeClusterDrainCommand);
  commands.AddMaker(MakeClusterReassignCommand);
}

}  // namespace soliton::cli

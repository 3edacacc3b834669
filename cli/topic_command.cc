// soliton topic create | list | describe | alter | delete.
#include "cli/topic_command.h"

#include <fmt/format.h>

#include "cli/all_commands.h"

namespace soliton::cli {

std::string StateText(const kafka::PartitionState& partition) {
  if (partition.leader.leader_id < 0) return "NO LEADER";
  std::string missing;
  for (const int32_t replica : partition.replicas) {
    bool in_sync = false;
    for (const int32_t member : partition.isr) in_sync |= member == replica;
    if (!in_sync) missing += fmt::format("{}{}", missing.empty() ? "" : ",", replica);
  }
  if (!missing.empty()) return fmt::format("UNDER-REPLICATED: node {} not in sync", missing);
  return "ok";
}

void AddTopicCommands(CommandList& commands) {
  commands.AddMaker(MakeTopicListCommand);
  commands.AddMaker(MakeTopicCreateCommand);
  commands.AddMaker(MakeTopicDescribeCommand);
  commands.AddMaker(MakeTopicAlterCommand);
  commands.AddMaker(MakeTopicDeleteCommand);
  commands.AddMaker(MakeTopicTrimCommand);
}

}  // namespace soliton::cli

// What the topic verbs share.
#pragma once

#include <memory>
#include <string>

#include "cli/admin_command.h"

namespace soliton::cli {

// "ok", or what is wrong with a partition.
std::string StateText(const kafka::PartitionState& partition);

std::unique_ptr<Command> MakeTopicCreateCommand();
std::unique_ptr<Command> MakeTopicAlterCommand();
std::unique_ptr<Command> MakeTopicListCommand();
std::unique_ptr<Command> MakeTopicDescribeCommand();
std::unique_ptr<Command> MakeTopicDeleteCommand();
std::unique_ptr<Command> MakeTopicTrimCommand();

}  // namespace soliton::cli

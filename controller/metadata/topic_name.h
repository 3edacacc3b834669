// Kafka's rules for what a topic may be called. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"

namespace soliton::controller {

inline constexpr size_t kMaxTopicNameLength = 249;  // so that "<name>-<partition>" fits a file name

absl::Status CheckTopicName(std::string_view name);

}  // namespace soliton::controller

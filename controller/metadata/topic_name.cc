#include "controller/metadata/topic_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::controller {

absl::Status CheckTopicName(std::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("the topic name is empty");
  if (name == "." || name == "..") {
    return absl::InvalidArgumentError("a topic cannot be called \".\" or \"..\"");
  }
  if (name.size() > kMaxTopicNameLength) {
    return absl::InvalidArgumentError(
        fmt::format("the topic name has {} characters, at most {} are allowed", name.size(),
                    kMaxTopicNameLength));
  }
  const bool legal = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (legal) return absl::OkStatus();
  // The name itself is not repeated: it may hold anything.
  return absl::InvalidArgumentError(
      "the topic name has a character other than ASCII letters and digits, '.', '_' and '-'");
}

}  // namespace soliton::controller

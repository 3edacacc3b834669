#include "controller/core/setting_changes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <vector>

#include "config/dynamic_config.h"
#include "config/listener.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;

ChangedSettings Refused(ErrorCode error, std::string message) {
  return {.error = error, .message = std::move(message), .next = {}};
}

// A request as a whole, before any of its changes.
ChangedSettings CheckShape(const pb::ResourceChange& resource) {
  std::set<std::string> names;
  std::vector<std::string> null_names;
  for (const pb::SettingChange& change : resource.changes()) {
    if (!names.insert(change.name()).second) {
      return Refused(ErrorCode::INVALID_REQUEST, "Error due to duplicate config keys");
    }
    if (!pb::SettingChange::Operation_IsValid(change.operation())) {
      return Refused(ErrorCode::INVALID_REQUEST,
                     fmt::format("Unknown operation {} for key {}: 0 sets, 1 deletes, 2 appends, 3 "
                                 "subtracts",
                                 change.operation(), change.name()));
    }
    if (!change.has_value() && change.operation() != pb::SettingChange::DELETE) {
      null_names.push_back(change.name());
    }
  }
  if (!null_names.empty()) {
    return Refused(ErrorCode::INVALID_REQUEST,
                   fmt::format("Null value not supported for : {}", fmt::join(null_names, ",")));
  }
  return {};
}

// The list with the words of `value` added (those that it has not) or taken out.
std::string ChangedList(const std::string& current, const std::string& value, bool append) {
  std::vector<std::string> words = config::SplitList(current);
  for (const std::string& word : config::SplitList(value)) {
    const auto found = std::find(words.begin(), words.end(), word);
    if (append && found == words.end()) words.push_back(word);
    if (!append && found != words.end()) words.erase(found);
  }
  return fmt::format("{}", fmt::join(words, ","));
}

}  // namespace

ChangedSettings ApplyChanges(const std::map<std::string, std::string>& current,
                             const pb::ResourceChange& resource, uint8_t scopes) {
  ChangedSettings changed = CheckShape(resource);
  if (changed.error != ErrorCode::NONE) return changed;
  if (!resource.replace()) changed.next = current;
  for (const pb::SettingChange& change : resource.changes()) {
    if (change.operation() == pb::SettingChange::SET) {
      changed.next[change.name()] = change.value();
    } else if (change.operation() == pb::SettingChange::DELETE) {
      changed.next.erase(change.name());
    } else {
      const bool append = change.operation() == pb::SettingChange::APPEND;
      const std::optional<std::string> list_default = config::ListDefault(change.name(), scopes);
      if (!list_default) {
        return Refused(ErrorCode::INVALID_CONFIG,
                       fmt::format("Can't {} key {} because its type is not LIST.",
                                   append ? "APPEND to" : "SUBTRACT from", change.name()));
      }
      const auto found = changed.next.find(change.name());
      changed.next[change.name()] = ChangedList(
          found == changed.next.end() ? *list_default : found->second, change.value(), append);
    }
  }
  return changed;
}

}  // namespace soliton::controller

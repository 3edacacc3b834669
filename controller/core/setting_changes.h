// The changes of one resource applied to its settings. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "controller/metadata/control.pb.h"
#include "protocol/wire/error_code.h"

namespace soliton::controller {

struct ChangedSettings {
  kafka::ErrorCode error = kafka::ErrorCode::NONE;
  std::string message;                      // for the client, when error != NONE
  std::map<std::string, std::string> next;  // when error == NONE
};

// `scopes` (config::Scope) says which table knows what is a list. Names and values are not judged
// here, but for what the operations themselves need.
ChangedSettings ApplyChanges(const std::map<std::string, std::string>& current,
                             const pb::ResourceChange& resource, uint8_t scopes);

}  // namespace soliton::controller

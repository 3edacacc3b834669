// Settings from outside the file: environment variables and `--set name=value`. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/raw_entry.h"

namespace soliton::config {

// Each "name=value"; an argument without '=' is an error. Given twice, the later one counts.
std::vector<RawEntry> ReadSetArguments(const std::vector<std::string>& arguments,
                                       Diagnostics& diagnostics);

// The variables that name a setting of these scopes: SOLITON_LOG_RETENTION_MS, or by the rule of
// Kafka's container images KAFKA_LOG_RETENTION_MS ('.' is '_', '_' is '__', '-' is '___'). SOLITON_
// wins. A SOLITON_ variable that names nothing is a warning, except those that other parts read;
// other KAFKA_ variables are left alone, because the images use that prefix for much else.
std::vector<RawEntry> ReadEnvironment(const std::map<std::string, std::string>& environment,
                                      uint8_t scopes, Diagnostics& diagnostics);

}  // namespace soliton::config

// The settings of a process that is broker and controller. See broker_config.h.
#pragma once

#include "absl/status/statusor.h"
#include "config/broker_config.h"
#include "config/controller_config.h"

namespace soliton::config {

struct CombinedConfig {
  BrokerConfig broker;  // without `controllers`: it is its own
  ControllerConfig controller;
};

absl::StatusOr<CombinedConfig> BuildCombinedConfig(const Config& config, Diagnostics& diagnostics);

}  // namespace soliton::config

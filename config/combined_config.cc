#include "config/combined_config.h"

namespace soliton::config {

absl::StatusOr<CombinedConfig> BuildCombinedConfig(const Config& config, Diagnostics& diagnostics) {
  CombinedConfig combined;
  combined.broker = TakeBrokerConfig(config, kNodeScopes, diagnostics);
  combined.controller = TakeControllerConfig(config, kNodeScopes, diagnostics);
  if (!diagnostics.ok()) return diagnostics.ToStatus();
  return combined;
}

}  // namespace soliton::config

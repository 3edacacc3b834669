// Broker and controller in one process, as Serve() runs them: on the same shards and disk threads,
// speaking to each other as two processes would.
#pragma once

#include <string>

#include "cli/serve.h"
#include "cli/served_broker.h"
#include "cli/served_controller.h"
#include "config/combined_config.h"

namespace soliton::cli {

class ServedCombined final : public ServedNode {
 public:
  // `settings` and `descriptors` as in ServedBroker.
  ServedCombined(const config::CombinedConfig& config,
                 std::shared_ptr<const config::Config> settings, int64_t descriptors);

  // Ready when the broker serves.
  absl::Status Start(const Ports& ports, Events events) override;
  // The broker first: it takes leave of the controller.
  void Stop(absl::AnyInvocable<void(absl::Status)> done) override;

  const ServedBroker& broker() const { return broker_; }
  const ServedController& controller() const { return controller_; }

 private:
  ServedController controller_;
  ServedBroker broker_;
};

}  // namespace soliton::cli

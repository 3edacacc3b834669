// A broker as Serve() runs it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/broker.h"
#include "cli/serve.h"
#include "config/broker_config.h"

namespace soliton::cli {

class ServedBroker final : public ServedNode {
 public:
  // `settings` is what `config` was made of, for clients that ask; `descriptors` the limit of open
  // files.
  ServedBroker(const config::BrokerConfig& config, std::shared_ptr<const config::Config> settings,
               int64_t descriptors);

  // For a broker whose controllers' addresses are known late. Before Start.
  void SetControllers(std::vector<Endpoint> controllers) {
    options_.controllers = std::move(controllers);
  }

  absl::Status Start(const Ports& ports, Events events) override;
  void Stop(absl::AnyInvocable<void(absl::Status)> done) override;

  // Null before Start.
  broker::Broker* broker() const { return broker_.get(); }

 private:
  std::string ReadyText() const;

  broker::BrokerOptions options_;
  const config::Durability durability_;
  std::unique_ptr<broker::Broker> broker_;
};

}  // namespace soliton::cli

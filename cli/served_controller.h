// A controller as Serve() runs it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "cli/serve.h"
#include "config/controller_config.h"
#include "controller/controller_node.h"

namespace soliton::cli {

// "1 (host:9093), 2 (host:9094)", for messages.
std::string VoterNames(const std::map<int32_t, Endpoint>& voters);

class ServedController final : public ServedNode {
 public:
  explicit ServedController(const config::ControllerConfig& config);

  // Ready when a quorum has a leader.
  absl::Status Start(const Ports& ports, Events events) override;
  void Stop(absl::AnyInvocable<void(absl::Status)> done) override;

  const controller::ControllerOptions& options() const { return options_; }
  // Where it listens, with the real port. After Start.
  Endpoint bound() const;
  // Null before Start.
  controller::ControllerNode* node() const { return node_.get(); }

 private:
  // A metadata log that is not this controller's: beginning another one beside it would look like
  // an empty cluster.
  absl::Status CheckDirectory(const FileSystem& files) const;
  // What to do about a damaged metadata log, where others have it too.
  absl::Status WithRemedy(const absl::Status& why) const;

  const std::string parent_directory_;  // metadata.log.dir
  controller::ControllerOptions options_;
  std::unique_ptr<controller::ControllerNode> node_;
};

}  // namespace soliton::cli

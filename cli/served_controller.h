// A controller as Serve() runs it.
#pragma once

#include <memory>
#include <string>

#include "cli/serve.h"
#include "config/controller_config.h"
#include "controller/controller_node.h"

namespace soliton::cli {

class ServedController final : public ServedNode {
 public:
  explicit ServedController(const config::ControllerConfig& config);

  // Ready when it returns.
  absl::Status Start(const Ports& ports, Events events) override;
  void Stop(absl::AnyInvocable<void(absl::Status)> done) override;

  // Where it listens, with the real port. After Start.
  Endpoint bound() const;
  // Null before Start.
  controller::ControllerNode* node() const { return node_.get(); }

 private:
  // A metadata log that is not this controller's: beginning another one beside it would look like
  // an empty cluster.
  absl::Status CheckDirectory(const FileSystem& files) const;

  const std::string parent_directory_;  // metadata.log.dir
  controller::ControllerOptions options_;
  std::unique_ptr<controller::ControllerNode> node_;
};

}  // namespace soliton::cli

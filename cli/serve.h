// Runs a node until a signal ends it: shards, the ready line, graceful stop at the first SIGINT or
// SIGTERM, an end at once at the second.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "cli/command.h"
#include "runtime/native_ports.h"

namespace soliton::cli {

// One node as Serve() runs it. All methods are called on shard 0 of the ports; it is destroyed when
// the shards have stopped, before the ports.
class ServedNode {
 public:
  struct Events {
    // Clients are served; `what` is the rest of the ready line.
    std::function<void(std::string what)> on_ready;
    // It cannot go on.
    std::function<void(absl::Status why)> on_fatal;
  };
  virtual ~ServedNode() = default;
  virtual absl::Status Start(const Ports& ports, Events events) = 0;
  virtual void Stop(absl::AnyInvocable<void(absl::Status)> done) = 0;
};

struct ServeOptions {
  std::string name;          // "broker 1", for messages
  std::string waiting_note;  // told once when it is not ready after a while; may be empty
  NativeOptions native;
};

// The exit code of the process: kOk after a graceful stop.
ExitCode Serve(Context& context, const ServeOptions& options, std::unique_ptr<ServedNode> node);

}  // namespace soliton::cli

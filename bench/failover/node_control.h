// How the nodes of a cluster are broken and mended: signals to processes of this machine, a script
// that knows them, or commands for machines elsewhere. Lives on one shard; commands run on a disk
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "bench/failover/while_alive.h"
#include "runtime/ports.h"

namespace soliton::bench {

struct NodeControlOptions {
  // Node id -> process id, where the processes are this machine's and no script knows them.
  std::map<int32_t, int> pids;
  // A command with the verbs `pids` (prints "NODE PID ..." lines) and `start NODE` (returns when it
  // serves), like bench/cluster and bench/kafka.
  std::string cluster_command;
  // Shell commands instead; {node}, {host} and {port} are replaced.
  std::string fault_command;
  std::string recover_command;
};

// "1 4711 node\n2 4712 node\n" -> {1: 4711, 2: 4712}. kInvalidArgument: a line is none of these.
absl::StatusOr<std::map<int32_t, int>> ParsePids(const std::string& text);
// `command` with {node}, {host} and {port} replaced.
std::string FillCommand(std::string command, int32_t node, const Endpoint& address);

class NodeControl {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;

  NodeControl(const Ports& ports, Shard& shard, NodeControlOptions options)
      : ports_(ports), shard_(shard), options_(std::move(options)) {}
  // Lets processes go on that were stopped.
  ~NodeControl();

  // Learns the process ids as they are now.
  void Refresh(Done done);
  // At once; kFailedPrecondition when the node's process is not known.
  absl::Status Signal(int32_t node, int signal);
  // `done` runs when the node's process is gone, with kDeadlineExceeded when that takes a minute.
  void AwaitExit(int32_t node, Done done);
  // Starts a node that is gone: by the recover command, else by the script.
  void Start(int32_t node, const Endpoint& address, Done done);
  // The fault command.
  void Break(int32_t node, const Endpoint& address, Done done);

  bool breaks_by_command() const { return !options_.fault_command.empty(); }
  bool mends_by_command() const { return !options_.recover_command.empty(); }
  bool can_start() const { return mends_by_command() || !options_.cluster_command.empty(); }

 private:
  void Run(const std::string& command, Done done);
  void AwaitExitUntil(int pid, MonotonicTime deadline, Done done);

  const Ports ports_;
  Shard& shard_;
  const NodeControlOptions options_;
  std::map<int32_t, int> pids_;
  std::map<int32_t, int> stopped_;  // node -> pid
  Lifetime lifetime_;
};

}  // namespace soliton::bench

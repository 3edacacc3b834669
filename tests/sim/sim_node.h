// A simulated machine with at most one process on it: shards, disk thread and transport that live
// and die with the process, and a disk that survives it.
//
// The application on a node is whatever its boot function returns. Crash() marks the process dead
// first, so that everything the application's destructors do to its ports is a no-op, then destroys
// the application, then what was still queued for it. A new process gets new shards; those of dead
// processes are kept until the node goes, so a stray pointer to one stays harmless. Crash and
// Restart are called from outside of any shard (a nemesis event, the harness).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/ports.h"
#include "tests/sim/sim_disk_executor.h"
#include "tests/sim/sim_file_system.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_shard.h"

namespace soliton::sim {

struct SimNodeOptions {
  int shards = 1;
  SimDiskLatency disk_latency;
};

struct CrashOptions {
  // Power loss: unsynced bytes and names go as `model` says. Otherwise only the process dies and
  // its page cache lives on.
  bool lose_unsynced = true;
  CrashModel model = CrashModel::kRandom;
  // The whole host is gone: peers hear nothing until Restart, connects to it time out.
  bool silent = false;
};

class SimNode {
 public:
  // Builds the application on a fresh process; called outside of any shard, like main().
  using BootFunction = std::function<std::shared_ptr<void>(SimNode&)>;

  // Starts without a process; SetBoot, then Restart.
  SimNode(SimWorld& world, SimNetwork& network, std::string name, SimNodeOptions options = {});
  ~SimNode();
  SimNode(const SimNode&) = delete;
  SimNode& operator=(const SimNode&) = delete;

  void SetBoot(BootFunction boot) { boot_ = std::move(boot); }
  void Restart();
  void Crash(const CrashOptions& options = {});
  // SIGSTOP and SIGCONT: nothing of the process runs; the host's network goes on.
  void Pause();
  void Resume();
  // The disk hangs for `duration`: no disk work completes.
  void StallDisk(Duration duration);

  bool alive() const { return current_ != nullptr; }
  bool paused() const { return current_ != nullptr && current_->process->paused; }
  // Of the present process; CHECKs that there is one.
  Ports ports();
  // Posts to shard 0 of the present process.
  void Post(Task task);
  // The application; null when there is no process.
  template <typename App>
  App* app() const {
    return current_ == nullptr ? nullptr : static_cast<App*>(current_->app.get());
  }

  SimFileSystem& files() { return files_; }
  SimClock& clock() { return clock_; }
  SimWorld& world() { return world_; }
  NodeId id() const { return id_; }
  const std::string& name() const { return name_; }
  // How many processes have been started, the present one included.
  int incarnation() const { return static_cast<int>(processes_.size()); }

 private:
  struct Process {
    SimProcessPtr process;
    std::unique_ptr<SimShardSet> shards;
    std::unique_ptr<SimTransport> transport;
    std::unique_ptr<SimDiskExecutor> disk;
    std::shared_ptr<void> app;
  };

  SimWorld& world_;
  SimNetwork& network_;
  const std::string name_;
  const SimNodeOptions options_;
  const NodeId id_;
  SimClock clock_;
  SimFileSystem files_;
  BootFunction boot_;
  std::vector<std::unique_ptr<Process>> processes_;
  Process* current_ = nullptr;
};

}  // namespace soliton::sim

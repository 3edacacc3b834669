// One controller and three brokers in this process, each with ports of its own: several shards,
// TCP on the loopback, files in a temporary directory, disk threads. The thread of the test starts,
// kills and stops them.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "controller/controller_node.h"
#include "runtime/native_ports.h"
#include "tests/runtime/await.h"
#include "tests/runtime/temporary_directory.h"

namespace soliton::native {

// Long enough for a sanitizer on a busy machine; passing tests do not wait for it.
constexpr Duration kPatience = seconds(60);

// Calls `holds` on the shard, again and again, until it is true. False when patience ended.
bool AwaitOn(Shard& shard, std::function<bool()> holds);
// Waits for `future`, at most kPatience; false when nothing came.
template <typename T>
bool Came(const std::future<T>& future) {
  return future.wait_for(kPatience) == std::future_status::ready;
}

// A process that is no process: a node on its own threads.
template <typename Node>
struct NodeProcess {
  std::unique_ptr<NativePorts> ports;
  std::unique_ptr<Node> node;
  uint16_t port = 0;

  bool running() const { return node != nullptr; }
  Shard& shard() { return ports->ports().shards->shard(0); }
  // As SIGKILL does: nothing is flushed or said.
  void Kill() {
    if (ports == nullptr) return;
    ports->Stop();
    ports->Join();
    node.reset();
    ports.reset();
  }
  // As SIGTERM does.
  absl::Status StopCleanly() {
    std::promise<absl::Status> stopped;
    std::future<absl::Status> done = stopped.get_future();
    shard().Post([&] { node->Stop([&](absl::Status status) { stopped.set_value(status); }); });
    const absl::Status status =
        Came(done) ? done.get() : absl::DeadlineExceededError("the node does not stop");
    Kill();
    return status;
  }
};

class NativeCluster {
 public:
  static constexpr int kBrokers = 3;
  static constexpr int kShards = 3;
  static constexpr int kDiskThreads = 2;

  NativeCluster();
  ~NativeCluster();

  void StartController();
  // Starts a broker; it serves later: AwaitServing.
  void StartBroker(int id);
  bool AwaitServing(int id);
  // Starts all and waits until they serve.
  void Start();
  void KillBroker(int id) { brokers_[id].process.Kill(); }
  absl::Status StopBroker(int id) { return brokers_[id].process.StopCleanly(); }
  absl::Status StopController() { return controller_.StopCleanly(); }

  std::vector<Endpoint> Bootstrap() const;
  Endpoint AddressOf(int id) const;

 private:
  struct BrokerProcess {
    NodeProcess<broker::Broker> process;
    std::future<void> serving;
    uint16_t port = 0;  // kept over restarts
  };

  TemporaryDirectory directory_;
  NodeProcess<controller::ControllerNode> controller_;
  uint16_t controller_port_ = 0;
  std::map<int, BrokerProcess> brokers_;
};

}  // namespace soliton::native

// Controllers, brokers and some client machines in one simulated world: the real code, started as
// main() does, the controllers in machines of their own (nodes 101, 102, ...) or in the brokers'.
// Spare controllers come last; they do not found the cluster.
// What runs on the clients is the workload's business. A process that gives up (a fatal error) is a
// violation unless its disk had a fault; then it is started again a little later, as a supervisor
// would.
//
// Owner: the world's thread. The world outlives the network, which outlives the cluster.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "broker/broker.h"
#include "controller/controller_node.h"
#include "tests/sim/cluster_plan.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_node.h"

namespace soliton::sim {

class SimCluster {
 public:
  SimCluster(SimWorld& world, SimNetwork& network, const ClusterPlan& plan);

  // Starts controllers and brokers. Clients are started by whoever gives them a boot function.
  void Start();
  // Every broker has been told by the controller that it serves, in its present process.
  bool AllServing() const;
  bool IsServing(int32_t id) const;
  // The disk of this machine has, or has had, a fault: its process may give up. Holds for the
  // present process (or, while there is none, the next one) and, until each fault is gone
  // (Absolve), for those after it.
  void Excuse(const SimNode& node);
  // A fault that one process meets at most: the present one, or the next.
  void ExcuseOnce(const SimNode& node);
  void Absolve(const SimNode& node);
  bool MayGiveUp(const SimNode& node) const;
  // Of a machine that `is_older` answers true for, a process may end with kDataLoss as well: the
  // other controllers refuse its disk. `refused` is told when it has ended.
  void SetMayBeRefused(std::function<bool(SimNode&)> is_older,
                       std::function<void(SimNode&)> refused) {
    is_older_ = std::move(is_older);
    refused_ = std::move(refused);
  }
  void AbsolveAll(const SimNode& node) {
    while (excused_[node.id()].disk_faults > 0) Absolve(node);
  }
  int64_t fatal_ends() const { return fatal_ends_; }
  // Creates the topics "t0", "t1", ... through the admin API, from the first client machine. False
  // when that fails; call without faults.
  bool CreateTopics();
  std::string TopicName(int index) const { return fmt::format("t{}", index); }

  int broker_count() const { return static_cast<int>(brokers_.size()); }
  // Voters or not.
  int controller_count() const { return plan_.controllers + plan_.spare_controllers; }
  // The one of the largest epoch; 0: none.
  int LeadingController();
  Endpoint ControllerEndpoint(int number) const;
  int32_t ControllerId(int number) const { return plan_.combined ? number : 100 + number; }
  // On a controller's disk.
  std::string VotePath() const;
  // By number, from 1 on.
  SimNode& controller(int number) {
    return plan_.combined ? broker(number) : *controllers_[static_cast<size_t>(number - 1)];
  }
  SimNode& broker(int32_t id) { return *brokers_[static_cast<size_t>(id - 1)]; }
  int client_count() const { return static_cast<int>(clients_.size()); }
  SimNode& client(int index) { return *clients_[static_cast<size_t>(index)]; }
  // Each machine once.
  std::vector<SimNode*> nodes();
  // As strikes number them: a controller, the brokers by their ids, clients, further controllers.
  std::vector<SimNode*> machines();
  // Null while the process is down or not yet up.
  broker::Broker* BrokerApp(int32_t id);
  controller::ControllerNode* ControllerApp(int number);
  std::vector<Endpoint> BootstrapServers() const;
  // Each broker is a rack of its own.
  static std::string RackOf(int32_t broker) { return fmt::format("rack-{}", broker); }

  // Asks the broker to stop in good order. Its process ends when it has, or is killed after a
  // while, and starts again `down_for` later.
  void StopCleanly(int32_t id, Duration down_for);
  int64_t clean_stops() const { return clean_stops_; }

 private:
  struct Process {
    std::unique_ptr<controller::ControllerNode> controller;
    std::unique_ptr<broker::Broker> broker;
  };

  std::shared_ptr<void> Boot(SimNode& node, int controller_number, int32_t broker_id);
  bool StartController(SimNode& node, int number, Process& process);
  bool StartBroker(SimNode& node, int32_t id, Process& process);
  static void StopProcess(Process& process, absl::AnyInvocable<void(absl::Status)> done);
  std::string ControllerDirectory() const;
  broker::BrokerOptions OptionsOf(int32_t id, const SimNode& node) const;
  void OnFatal(SimNode& node, const absl::Status& why);
  struct Excused {
    int disk_faults = 0;  // that last
    int incarnation = 0;  // the last process that it hit
  };

  SimWorld& world_;
  const ClusterPlan plan_;
  std::vector<std::unique_ptr<SimNode>> controllers_;  // in machines of their own
  std::vector<std::unique_ptr<SimNode>> brokers_;
  std::vector<std::unique_ptr<SimNode>> clients_;
  // By broker: of the process that serves, and of the last one that was asked to stop.
  std::vector<int> serving_incarnation_;
  std::vector<int> stopping_incarnation_;
  std::map<NodeId, Excused> excused_;
  std::function<bool(SimNode&)> is_older_;
  std::function<void(SimNode&)> refused_;
  int64_t clean_stops_ = 0;
  int64_t fatal_ends_ = 0;
};

}  // namespace soliton::sim

// Breaks a cluster as its plan says, and undoes each fault after a while. All choices come from a
// stream of the seed.
//
// Owner: the world's thread; must outlive the run.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "tests/sim/sim_cluster.h"

namespace soliton::sim {

class Nemesis {
 public:
  Nemesis(SimWorld& world, SimNetwork& network, SimCluster& cluster, const ClusterPlan& plan);

  void Start();
  // No more faults; what is down comes up, what is cut is joined.
  void StopAndHeal();

  int64_t strikes(Fault fault) const { return strikes_[static_cast<size_t>(fault)]; }
  int64_t strikes() const;
  std::string ToString() const;
  // Told what it does, for --verbose.
  void SetObserver(std::function<void(const std::string&)> observer) {
    observer_ = std::move(observer);
  }

 private:
  void ScheduleNext();
  void Strike();
  Fault Choose();
  void Do(Fault fault);
  void StrikeNode(Fault fault, SimNode& node);
  void StrikeNetwork(Fault fault);

  void Crash(SimNode& node, const CrashOptions& options, Duration down_for);
  void Pause(SimNode& node, Duration duration);
  void RestartLater(SimNode& node, Duration delay);
  Duration DrawDuration();
  SimNode& AnyBroker();
  CrashModel DrawModel();
  void After(Duration delay, std::function<void()> what);
  void Say(const std::string& what);

  SimWorld& world_;
  SimNetwork& network_;
  SimCluster& cluster_;
  const ClusterPlan plan_;
  Random random_;
  bool active_ = false;
  uint32_t total_weight_ = 0;
  std::array<int64_t, kFaultCount> strikes_{};
  std::function<void(const std::string&)> observer_;
};

}  // namespace soliton::sim

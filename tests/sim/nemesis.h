// Breaks a cluster, and undoes each fault after a while. What it does is a list of strikes: drawn
// from a stream of the seed as its plan says, or given (a replay, perhaps with some left out).
//
// The fault atlas, what a fault may take away: power loss takes what was not synced; a disk that
// fails takes the process; a wiped, rotten or older disk takes a copy, and only the plan's victim
// has such a disk, so that with min.insync.replicas=2 another legal copy of every committed record
// is left. An older disk of a controller takes a vote, and only one controller has such a disk: the
// others refuse it, it is wiped, and OperatorProcess admits it anew where there is one. A rotten
// disk is replaced (wiped) when healing begins. With durability=page-cache nothing strikes that
// loses power.
//
// Owner: the world's thread; must outlive the run.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/sim_cluster.h"

namespace soliton::sim {

class Nemesis {
 public:
  // `script` replaces drawing.
  Nemesis(SimWorld& world, SimNetwork& network, SimCluster& cluster, const ClusterPlan& plan,
          std::optional<std::vector<Strike>> script);

  void Start();
  // No more faults; what is down comes up, what is cut is joined.
  void StopAndHeal();

  // Everything that was done so far.
  const std::vector<Strike>& strikes() const { return struck_; }
  // How many of each kind.
  std::string ToString() const;
  // Told what it does, for --verbose and for charts.
  void SetObserver(std::function<void(const std::string&)> observer) {
    observer_ = std::move(observer);
  }
  // Told before a broker's disk loses what it had promised: by rotting, or all of it.
  void SetDamageObserver(std::function<void(int32_t broker_id, bool rotten)> observer) {
    damage_observer_ = std::move(observer);
  }

 private:
  void ScheduleNext();
  Strike Draw();
  Fault ChooseFault();
  void Do(const Strike& strike);
  void StrikeNode(const Strike& strike, SimNode& node);
  void StrikeDisk(const Strike& strike, SimNode& node);
  void LoseDisk(const Strike& strike, SimNode& node);
  void PutBackDisk(const Strike& strike, SimNode& node);
  // ---- nemesis_older_disks.cc ----
  struct OlderCopy;
  // Without what the machine does not run.
  OlderCopy CopyOf(SimNode& node);
  void PutBackOnceKnown(const Strike& strike, SimNode& node, const std::shared_ptr<OlderCopy>& copy,
                        int tries);
  // Whether everybody who would have to notice that it is older knows of a newer state.
  bool IsKnownToBeOlder(const OlderCopy& copy);
  bool BrokerIsKnownToBeOlder(const OlderCopy& copy);
  bool VoterIsKnownToBeOlder(const OlderCopy& copy);
  // A process has ended since its disk is an older copy.
  void OnRefused(SimNode& node);
  // ----
  void StrikeNetwork(const Strike& strike);
  void Separate(const std::vector<SimNode*>& some, const std::vector<SimNode*>& others,
                Duration duration);

  void Crash(SimNode& node, const CrashOptions& options, Duration down_for);
  void Pause(SimNode& node, Duration duration);
  void RestartLater(SimNode& node, Duration delay);
  Duration DrawDuration();
  int32_t MachineFor(Fault fault);
  int32_t AnyController();
  int32_t MachineOfController(int32_t number) const;
  void After(Duration delay, std::function<void()> what);
  void Say(const std::string& what);

  SimWorld& world_;
  SimNetwork& network_;
  SimCluster& cluster_;
  const ClusterPlan plan_;
  const std::vector<SimNode*> machines_;  // as strikes number them
  const std::vector<SimNode*> nodes_;     // each once
  const std::optional<std::vector<Strike>> script_;
  Random random_;
  MonotonicTime start_{};
  bool active_ = false;
  uint32_t total_weight_ = 0;
  std::vector<Strike> struck_;
  std::set<SimNode*> rotten_;
  // With an older copy of a voter's disk, and how many processes were refused with it.
  std::map<SimNode*, int> older_;
  std::set<SimNode*> torn_;  // lost power, and their logs may not have been opened since
  std::function<void(const std::string&)> observer_;
  std::function<void(int32_t, bool)> damage_observer_;
};

}  // namespace soliton::sim

// One client process that changes what the workload's topics are while they are used: retention,
// min.insync.replicas, max.message.bytes (IncrementalAlterConfigs), more partitions
// (CreatePartitions), fewer records (DeleteRecords), other replicas (AlterPartitionReassignments)
// and leaders (ElectLeaders). Never below what the plan promises: min.insync.replicas only goes up
// from the plan's and comes back, and so many replicas stay. Once the workload is calm it undoes
// what would keep others from writing, and every broker gets a replica of everything again.
//
// Lives on its node; destroyed by a crash, and then begun anew by the next process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/session/client_channel.h"
#include "tests/sim/checkers/observations.h"
#include "tests/sim/sim_node.h"

namespace soliton::sim {

class Workload;

class AdminProcess {
 public:
  AdminProcess(Workload& workload, SimNode& node);

 private:
  void Act();
  void ChangeSetting();
  void Grow();
  void Trim();
  void Move();
  void Elect();
  void Restore();
  void RestoreReplicas(bool changed);
  // Nullopt takes back what is under way.
  void Reassign(const std::vector<PartitionName>& partitions,
                const std::optional<std::vector<int32_t>>& replicas,
                void (AdminProcess::*done)(bool changed));
  // Nullopt takes the setting away.
  void SetConfigs(const std::vector<std::pair<std::string, std::optional<std::string>>>& configs,
                  std::vector<std::string> topics, void (AdminProcess::*done)(bool changed));
  void Again(void (AdminProcess::*step)(), Duration after);
  void AfterChange(bool changed);
  void AfterRestore(bool changed);
  kafka::ClientChannel& NewChannel();

  Workload& workload_;
  const Ports ports_;
  Shard& shard_;
  std::unique_ptr<kafka::ClientChannel> channel_;
};

}  // namespace soliton::sim

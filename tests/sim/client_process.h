// One client process of the workload. Lives on its node; destroyed by a crash.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "consumer/consumer.h"
#include "producer/producer.h"
#include "tests/sim/workload.h"

namespace soliton::sim {

class ClientProcess {
 public:
  // `index`: of the client machine.
  ClientProcess(Workload& workload, SimNode& node, int index);
  ~ClientProcess();
  ClientProcess(const ClientProcess&) = delete;
  ClientProcess& operator=(const ClientProcess&) = delete;

  int32_t producer_number() const { return producer_number_; }
  const std::string& consumer_name() const { return consumer_name_; }

 private:
  // On the node's shard.
  void Start();
  // Of what is not read yet; what is goes on where it is.
  void AssignAll();
  void SendRound();
  // Asks one partition's leader for its end now and then.
  void LookUpEnds();
  void SendTo(const PartitionName& partition);
  void OnAnswer(const PartitionName& partition, const RecordName& name,
                const absl::StatusOr<producer::RecordMetadata>& answer);
  void OnReady();

  Workload& workload_;
  ClientHistory& history_;  // reachable even when the workload is gone
  const Ports ports_;
  Shard& shard_;
  const int index_;
  const int32_t producer_number_;
  const std::string consumer_name_;
  std::unique_ptr<producer::Producer> producer_;
  std::unique_ptr<consumer::Consumer> consumer_;
  std::map<PartitionName, int64_t> next_number_;
  // Partitions in which a record was given up: what was sent after it may end unknown, too.
  std::set<PartitionName> gave_up_;
  size_t assigned_ = 0;  // so many of the workload's partitions
  bool flushing_ = false;
};

}  // namespace soliton::sim

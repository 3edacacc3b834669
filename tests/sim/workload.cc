#include "tests/sim/workload.h"

#include <algorithm>

#include "tests/sim/admin_process.h"
#include "tests/sim/client_process.h"
#include "tests/sim/operator_process.h"

namespace soliton::sim {

Workload::Workload(SimWorld& world, SimCluster& cluster, ClientHistory& history,
                   const ClusterPlan& plan)
    : world_(world),
      cluster_(cluster),
      history_(history),
      plan_(plan),
      send_interval_(plan.send_interval) {
  for (int topic = 0; topic < plan.topics; ++topic) {
    for (int32_t i = 0; i < plan.partitions; ++i) {
      partitions_.push_back({cluster.TopicName(topic), i});
    }
  }
}

Workload::~Workload() = default;

void Workload::Start() {
  for (int i = 0; i < plan_.clients; ++i) {
    SimNode& node = cluster_.client(i);
    node.SetBoot(
        [this, i](SimNode& self) { return std::make_shared<ClientProcess>(*this, self, i); });
    node.Restart();
  }
  int next = plan_.clients;
  if (plan_.topic_churn) {
    SimNode& node = cluster_.client(next++);
    node.SetBoot(
        [this](SimNode& self) { return std::make_shared<ChurnProcess>(*this, churn_, self); });
    node.Restart();
  }
  if (plan_.admin_storm) {
    SimNode& node = cluster_.client(next++);
    node.SetBoot([this](SimNode& self) { return std::make_shared<AdminProcess>(*this, self); });
    node.Restart();
  }
  if (plan_.voter_changes) {
    SimNode& node = cluster_.client(next++);
    node.SetBoot([this](SimNode& self) { return std::make_shared<OperatorProcess>(*this, self); });
    node.Restart();
  }
}

int32_t Workload::PartitionsOf(const std::string& topic) const {
  return static_cast<int32_t>(
      std::count_if(partitions_.begin(), partitions_.end(),
                    [&](const PartitionName& partition) { return partition.topic == topic; }));
}

void Workload::SetPartitionsOf(const std::string& topic, int32_t count) {
  for (int32_t i = PartitionsOf(topic); i < count; ++i) partitions_.push_back({topic, i});
}

std::vector<int32_t> Workload::live_producers() {
  std::vector<int32_t> numbers;
  for (int i = 0; i < plan_.clients; ++i) {
    if (auto* app = cluster_.client(i).app<ClientProcess>()) {
      numbers.push_back(app->producer_number());
    }
  }
  return numbers;
}

std::vector<std::string> Workload::live_consumers() {
  std::vector<std::string> names;
  for (int i = 0; i < plan_.clients; ++i) {
    if (auto* app = cluster_.client(i).app<ClientProcess>()) names.push_back(app->consumer_name());
  }
  return names;
}

}  // namespace soliton::sim

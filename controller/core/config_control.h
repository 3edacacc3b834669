// Changing dynamic settings of topics and brokers: AlterConfigs and IncrementalAlterConfigs
// (KIP-339, KIP-226). Every resource of a request stands for itself: it changes as a whole or not
// at all, and the others do not care. Rules and texts are Apache Kafka's. What a change means for
// partitions (min.insync.replicas, unclean election) is decided in the same batch of records. Pure.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "controller/core/cluster_state.h"
#include "controller/core/core_types.h"

namespace soliton::controller {

inline constexpr int32_t kTopicResource = 2;  // Kafka's codes
inline constexpr int32_t kBrokerResource = 4;

class ConfigControl {
 public:
  ConfigControl(const ClusterState& state, const CoreOptions& options)
      : state_(state), options_(options) {}

  ControllerResult HandleAlter(const pb::AlterConfigsRequest& request) const;

 private:
  using Settings = std::map<std::string, std::string>;
  struct Problem {
    kafka::ErrorCode error = kafka::ErrorCode::NONE;
    std::string message;
  };
  // What the request makes of the resources that it may change.
  struct Plan {
    std::map<Uuid, Settings> topics;
    std::map<int32_t, Settings> brokers;
  };

  Problem AlterTopic(const pb::ResourceChange& resource, Plan* plan) const;
  Problem AlterBroker(const pb::ResourceChange& resource, Plan* plan) const;
  void AddRecords(const Plan& plan, ControllerResult* result) const;
  // The partitions whose rules change: a new effective min.insync.replicas empties the ELR, and a
  // partition without leader may get one where unclean election becomes allowed.
  void ReconsiderPartitions(const Plan& plan, ControllerResult* result) const;

  const ClusterState& state_;
  const CoreOptions& options_;
};

}  // namespace soliton::controller

// CreatePartitions: more partitions for topics that exist. Every topic of a request has its own
// result; what is valid happens in one batch of records. Pure.
#pragma once

#include <string>

#include "controller/core/cluster_state.h"
#include "controller/core/core_types.h"
#include "controller/core/new_partitions.h"
#include "runtime/base/random.h"

namespace soliton::controller {

class PartitionControl {
 public:
  PartitionControl(const ClusterState& state, const CoreOptions& options, Random& random)
      : state_(state), options_(options), random_(random) {}

  ControllerResult HandleCreate(const pb::CreatePartitionsRequest& request);

 private:
  struct Problem {
    kafka::ErrorCode error = kafka::ErrorCode::NONE;
    std::string message;
  };

  // The replicas of the partitions to add, or what is wrong. `room`: how many the request may still
  // add.
  Problem Choose(const pb::MorePartitions& topic, int64_t room, ReplicaLists* added);
  Problem CheckManual(const TopicInfo& topic, size_t wanted, const ReplicaLists& replicas) const;

  const ClusterState& state_;
  const CoreOptions& options_;
  Random& random_;
};

}  // namespace soliton::controller

// Creating and deleting topics. Every topic of a request has its own result; the valid ones are
// created in one batch of records. Pure.
#pragma once

#include <map>
#include <set>
#include <string>

#include "controller/core/cluster_state.h"
#include "controller/core/core_types.h"
#include "controller/core/new_partitions.h"
#include "runtime/base/random.h"

namespace soliton::controller {

class TopicControl {
 public:
  TopicControl(const ClusterState& state, const CoreOptions& options, Random& random)
      : state_(state), options_(options), random_(random) {}

  ControllerResult HandleCreate(const pb::CreateTopicsRequest& request);
  ControllerResult HandleDelete(const pb::DeleteTopicsRequest& request);

 private:
  // What went wrong with one topic.
  struct Problem {
    kafka::ErrorCode error = kafka::ErrorCode::NONE;
    std::string message;
  };

  Problem CheckNew(const pb::NewTopic& topic, const std::map<std::string, int>& times_named) const;
  Problem CheckConfigs(const pb::NewTopic& topic) const;
  Problem CheckManual(const pb::NewTopic& topic) const;
  Problem Place(const pb::NewTopic& topic, ReplicaLists* replicas);
  void AddTopic(const pb::NewTopic& topic, const Uuid& id, const ReplicaLists& replicas,
                ControllerResult* result) const;

  const ClusterState& state_;
  const CoreOptions& options_;
  Random& random_;
};

}  // namespace soliton::controller

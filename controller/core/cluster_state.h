// The replicated state that the brain decides on: the image up to the last appended record, with
// the indexes that decisions need. Changes only in Replay. One owner; pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "controller/metadata/metadata_builder.h"

namespace soliton::controller {

class ClusterState {
 public:
  absl::Status Replay(const pb::MetadataRecord& record, int64_t offset);

  const MetadataImage& image() const { return builder_.state(); }

  // Partitions that have `broker_id` among their replicas.
  const std::set<TopicPartitionId>& PartitionsOf(int32_t broker_id) const;
  // A topic whose name differs from `name` only in '.' and '_'; "" when there is none.
  std::string CollidingTopic(std::string_view name) const;

 private:
  void IndexReplicas(const TopicPartitionId& partition, const std::vector<int32_t>& before,
                     const google::protobuf::RepeatedField<int32_t>& now);
  void ForgetTopic(const TopicInfo& topic);

  MetadataBuilder builder_;
  std::map<int32_t, std::set<TopicPartitionId>> partitions_by_broker_;
  const std::set<TopicPartitionId> no_partitions_;
  std::map<std::string, std::set<std::string>> names_by_metric_name_;
};

// The name with '.' as '_': two topics whose metric names are equal cannot be told apart in
// metrics.
std::string MetricName(std::string_view topic);

}  // namespace soliton::controller

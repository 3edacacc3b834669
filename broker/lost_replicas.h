// Replicas of this broker that are not here as they were promised, until the controller has written
// that down: a file in the data directory, because a later process may find nothing that shows it
// (an empty log was made). Only these count as lost then; whatever else is in the directory keeps
// its place (S14, S59). Blocking calls; one owner.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "broker/partition/topic_partition.h"
#include "runtime/file/file_system.h"

namespace soliton::broker {

inline constexpr std::string_view kLostReplicasFile = "lost-replicas";

class LostReplicas {
 public:
  LostReplicas(FileSystem& files, const std::string& directory);

  // Once, before anything else. kDataLoss, with the path, when the file is damaged.
  absl::Status Read();
  // Durable when they return.
  absl::Status Add(const std::vector<TopicPartition>& replicas);
  absl::Status Forget(const std::vector<TopicPartition>& replicas);
  // Ascending.
  std::vector<TopicPartition> all() const { return {replicas_.begin(), replicas_.end()}; }

 private:
  absl::Status Write();

  FileSystem& files_;
  const std::string path_;
  std::set<TopicPartition> replicas_;
};

}  // namespace soliton::broker

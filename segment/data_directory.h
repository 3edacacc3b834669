// A broker's (or controller's) data directory: identity, lock, clean-shutdown marker and the
// partition folders in it. Kafka's names and formats:
//   meta.properties                cluster.id, node.id, directory.id, version=1
//   .lock                          held while a process uses the directory
//   .kafka_cleanshutdown           only after a clean stop; has its broker epoch (KIP-966)
//   <topic>-<partition>/           one folder per replica
//   replication-offset-checkpoint  high watermarks, written now and then
//   *-delete/                      removed at start and after RemovePartition
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/random.h"
#include "runtime/base/uuid.h"
#include "runtime/file/file_system.h"

namespace soliton::segment {

struct PartitionFolder {
  std::string topic;
  int32_t partition = 0;
  std::string path;
  Uuid topic_id;  // from partition.metadata; zero when that is missing or unreadable
};

// A name that no partition has, beside `folder`, and that says what it is: t-0.<random>-<kind>.
std::string NameAside(const std::string& folder, std::string_view kind, Random& random);

using TopicPartitionName = std::pair<std::string, int32_t>;

class DataDirectory {
 public:
  // Creates the directory when missing, locks it, and checks or writes meta.properties. An empty
  // `cluster_id` accepts the directory's; a directory without one takes `cluster_id`. Errors say
  // which file, what it holds and what was expected. Consumes the clean-shutdown marker (removes
  // it, durably).
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(FileSystem& fs,
                                                             const std::string& path,
                                                             const std::string& cluster_id,
                                                             int32_t node_id, Random& random);

  const std::string& path() const { return path_; }
  // "" until it is known.
  const std::string& cluster_id() const { return cluster_id_; }
  // Binds the directory to a cluster for good, durably. kFailedPrecondition when it is bound to
  // another one.
  absl::Status AdoptCluster(const std::string& cluster_id);
  const Uuid& directory_id() const { return directory_id_; }
  // Whether the marker was there at Open.
  bool was_clean() const { return was_clean_; }
  // Broker epoch in the marker; -1 when unclean or unknown.
  int64_t clean_broker_epoch() const { return clean_broker_epoch_; }

  // Partition folders found at Open (stale -delete folders are removed first).
  absl::StatusOr<std::vector<PartitionFolder>> ListPartitions() const;
  std::string PartitionPath(std::string_view topic, int32_t partition) const;
  // Renames the folder to <name>.<uuid>-delete and removes it. The log must be closed.
  absl::Status RemovePartition(std::string_view topic, int32_t partition, Random& random);

  // High watermarks last checkpointed. Only a hint after a restart.
  std::map<TopicPartitionName, int64_t> ReadHighWatermarks() const;
  absl::Status WriteHighWatermarks(const std::map<TopicPartitionName, int64_t>& values);

  // Last act of a clean stop, after every log was closed cleanly.
  absl::Status MarkClean(int64_t broker_epoch);

 private:
  DataDirectory(FileSystem& fs, std::string path) : fs_(&fs), path_(std::move(path)) {}

  absl::Status WriteMetaProperties() const;

  FileSystem* fs_;
  std::string path_;
  std::unique_ptr<FileLock> lock_;
  std::string cluster_id_;
  int32_t node_id_ = -1;
  Uuid directory_id_;
  bool was_clean_ = false;
  int64_t clean_broker_epoch_ = -1;
};

}  // namespace soliton::segment

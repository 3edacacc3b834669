#include "broker/lost_replicas.h"

#include <fmt/format.h>

#include <limits>

#include "segment/checkpoint_file.h"

namespace soliton::broker {

LostReplicas::LostReplicas(FileSystem& files, const std::string& directory)
    : files_(files), path_(JoinPath(directory, kLostReplicasFile)) {}

absl::Status LostReplicas::Read() {
  if (!files_.Exists(path_)) return absl::OkStatus();
  const auto text = ReadFile(files_, path_);
  if (!text.ok()) return text.status();
  const auto entries = segment::ParseCheckpoint(*text);
  if (!entries.ok()) {
    return absl::DataLossError(
        fmt::format("{}: {}", path_, std::string(entries.status().message())));
  }
  for (const std::string& entry : *entries) {
    const std::vector<std::string_view> fields = segment::SplitFields(entry);
    const auto topic_id = Uuid::Parse(fields[0]);
    int64_t partition = -1;
    if (fields.size() != 2 || !topic_id || !segment::ParseNumber(fields[1], &partition) ||
        partition < 0 || partition > std::numeric_limits<int32_t>::max()) {
      return absl::DataLossError(fmt::format("{}: '{}' is no replica", path_, entry));
    }
    replicas_.insert({*topic_id, static_cast<int32_t>(partition)});
  }
  return absl::OkStatus();
}

absl::Status LostReplicas::Add(const std::vector<TopicPartition>& replicas) {
  const size_t before = replicas_.size();
  replicas_.insert(replicas.begin(), replicas.end());
  return replicas_.size() == before ? absl::OkStatus() : Write();
}

absl::Status LostReplicas::Forget(const std::vector<TopicPartition>& replicas) {
  for (const TopicPartition& id : replicas) replicas_.erase(id);
  if (!replicas_.empty()) return Write();
  if (!files_.Exists(path_)) return absl::OkStatus();
  if (absl::Status removed = files_.Remove(path_); !removed.ok()) return removed;
  return files_.SyncDirectory(DirectoryOf(path_));
}

absl::Status LostReplicas::Write() {
  std::vector<std::string> entries;
  for (const TopicPartition& id : replicas_) {
    entries.push_back(fmt::format("{} {}", id.topic_id.ToString(), id.partition));
  }
  return WriteFileAtomically(files_, path_, segment::EncodeCheckpoint(entries));
}

}  // namespace soliton::broker

#include "segment/data_directory.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "runtime/obs/logging.h"
#include "segment/checkpoint_file.h"

namespace soliton::segment {
namespace {

constexpr std::string_view kMetaPropertiesName = "meta.properties";
constexpr std::string_view kLockName = ".lock";
constexpr std::string_view kCleanShutdownName = ".kafka_cleanshutdown";
constexpr std::string_view kHighWatermarksName = "replication-offset-checkpoint";
constexpr std::string_view kDeleteSuffix = "-delete";
constexpr size_t kMaxNameBytes = 255;

// "topic-3" -> {topic, 3}; a topic's name may itself hold dashes.
std::optional<TopicPartitionName> ParseFolderName(std::string_view name) {
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  int64_t partition = 0;
  const std::string_view digits = name.substr(dash + 1);
  if (!ParseNumber(digits, &partition) || partition < 0 || partition > INT32_MAX) {
    return std::nullopt;
  }
  if (std::to_string(partition) != digits) return std::nullopt;  // "topic-007" is not ours
  return TopicPartitionName(name.substr(0, dash), static_cast<int32_t>(partition));
}

// Keeps the status code, puts what was being done in front.
absl::Status Annotate(const absl::Status& status, std::string_view what) {
  return absl::Status(status.code(), fmt::format("{}: {}", what, std::string(status.message())));
}

absl::Status CheckProperty(const std::map<std::string, std::string>& values,
                           const std::string& path, const std::string& key,
                           const std::string& expected, std::string_view hint) {
  const auto it = values.find(key);
  if (it == values.end()) {
    return absl::FailedPreconditionError(fmt::format("{} has no {}", path, key));
  }
  if (it->second == expected) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("{} has {}={}, this process is configured with {}={}. {}", path, key, it->second,
                  key, expected, hint));
}

int64_t ParseCleanShutdown(const std::string& text) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  if (error || !value.is_object()) return -1;
  const boost::json::value* epoch = value.as_object().if_contains("brokerEpoch");
  return epoch != nullptr && epoch->is_int64() ? epoch->as_int64() : -1;
}

struct Identity {
  std::string cluster_id;
  Uuid directory_id;
};

absl::Status CheckCluster(const std::string& path, const std::string& bound_to,
                          const std::string& cluster_id) {
  if (bound_to == cluster_id || bound_to.empty() || cluster_id.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "{} has cluster.id={}, not cluster.id={}. The directory belongs to another cluster: point "
      "log.dirs elsewhere, or join that cluster.",
      path, bound_to, cluster_id));
}

// meta.properties of a directory that has been used before.
absl::StatusOr<Identity> CheckMetaProperties(const std::string& path, std::string_view text,
                                             const std::string& cluster_id, int32_t node_id) {
  const auto values = ParseProperties(text);
  if (!values.ok()) return Annotate(values.status(), path);
  absl::Status status =
      CheckProperty(*values, path, "version", "1", "The directory was written by another release.");
  if (!status.ok()) return status;
  const auto cluster = values->find("cluster.id");
  if (cluster == values->end()) {
    return absl::FailedPreconditionError(fmt::format("{} has no cluster.id", path));
  }
  if (status = CheckCluster(path, cluster->second, cluster_id); !status.ok()) return status;
  status = CheckProperty(*values, path, "node.id", std::to_string(node_id),
                         "The directory belongs to another node: point log.dirs elsewhere, or set "
                         "this node's id.");
  if (!status.ok()) return status;
  const auto it = values->find("directory.id");
  const std::optional<Uuid> directory_id =
      it == values->end() ? std::nullopt : Uuid::Parse(it->second);
  if (!directory_id || directory_id->is_zero()) {
    return absl::FailedPreconditionError(fmt::format("{} has no valid directory.id", path));
  }
  return Identity{cluster->second, *directory_id};
}

// A directory without meta.properties must not hold partitions: their owner is unknown.
absl::Status CheckUnused(const FileSystem& fs, const std::string& path) {
  const auto entries = fs.List(path);
  if (!entries.ok()) return entries.status();
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory && ParseFolderName(entry.name)) {
      return absl::FailedPreconditionError(fmt::format(
          "{} is missing, but the directory holds partition folders such as {}: restore the file, "
          "or use an empty directory",
          JoinPath(path, kMetaPropertiesName), entry.name));
    }
  }
  return absl::OkStatus();
}

absl::Status RemoveStaleFolders(FileSystem& fs, const std::string& path) {
  const auto entries = fs.List(path);
  if (!entries.ok()) return entries.status();
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.is_directory || !entry.name.ends_with(kDeleteSuffix)) continue;
    if (absl::Status status = fs.RemoveTree(JoinPath(path, entry.name)); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(FileSystem& fs,
                                                                   const std::string& path,
                                                                   const std::string& cluster_id,
                                                                   int32_t node_id,
                                                                   Random& random) {
  if (absl::Status status = fs.CreateDirectories(path); !status.ok()) {
    return Annotate(status, fmt::format("creating the data directory {}", path));
  }
  if (absl::Status status = fs.SyncDirectory(DirectoryOf(path)); !status.ok()) return status;
  std::unique_ptr<DataDirectory> result(new DataDirectory(fs, path));
  result->node_id_ = node_id;
  auto lock = fs.Lock(JoinPath(path, kLockName));
  if (!lock.ok())
    return Annotate(lock.status(), fmt::format("locking the data directory {}", path));
  result->lock_ = *std::move(lock);

  const std::string meta_path = JoinPath(path, kMetaPropertiesName);
  if (fs.Exists(meta_path)) {
    const auto text = ReadFile(fs, meta_path);
    if (!text.ok()) return text.status();
    const auto identity = CheckMetaProperties(meta_path, *text, cluster_id, node_id);
    if (!identity.ok()) return identity.status();
    result->cluster_id_ = identity->cluster_id;
    result->directory_id_ = identity->directory_id;
    if (absl::Status status = result->AdoptCluster(cluster_id); !status.ok()) return status;
  } else {
    if (absl::Status status = CheckUnused(fs, path); !status.ok()) return status;
    result->cluster_id_ = cluster_id;
    result->directory_id_ = Uuid::Generate(random);
    if (absl::Status status = result->WriteMetaProperties(); !status.ok()) return status;
    LogInfo("formatted the data directory {} for node {}", path, node_id);
  }

  const std::string marker_path = JoinPath(path, kCleanShutdownName);
  if (fs.Exists(marker_path)) {
    const auto text = ReadFile(fs, marker_path);
    if (!text.ok()) return text.status();
    result->was_clean_ = true;
    result->clean_broker_epoch_ = ParseCleanShutdown(*text);
    if (absl::Status status = fs.Remove(marker_path); !status.ok()) return status;
  }
  if (absl::Status status = RemoveStaleFolders(fs, path); !status.ok()) return status;
  if (absl::Status status = fs.SyncDirectory(path); !status.ok()) return status;
  return result;
}

absl::Status DataDirectory::AdoptCluster(const std::string& cluster_id) {
  const std::string path = JoinPath(path_, kMetaPropertiesName);
  if (absl::Status status = CheckCluster(path, cluster_id_, cluster_id); !status.ok()) {
    return status;
  }
  if (cluster_id.empty() || cluster_id == cluster_id_) return absl::OkStatus();
  cluster_id_ = cluster_id;
  return WriteMetaProperties();
}

absl::Status DataDirectory::WriteMetaProperties() const {
  return WriteFileAtomically(*fs_, JoinPath(path_, kMetaPropertiesName),
                             EncodeProperties({{"version", "1"},
                                               {"cluster.id", cluster_id_},
                                               {"node.id", std::to_string(node_id_)},
                                               {"directory.id", directory_id_.ToString()}}));
}

absl::StatusOr<std::vector<PartitionFolder>> DataDirectory::ListPartitions() const {
  const auto entries = fs_->List(path_);
  if (!entries.ok()) return entries.status();
  std::vector<PartitionFolder> folders;
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.is_directory) continue;
    const std::optional<TopicPartitionName> name = ParseFolderName(entry.name);
    if (!name) continue;
    PartitionFolder folder{name->first, name->second, JoinPath(path_, entry.name), Uuid{}};
    const std::string metadata_path = JoinPath(folder.path, "partition.metadata");
    if (fs_->Exists(metadata_path)) {
      const auto text = ReadFile(*fs_, metadata_path);
      if (!text.ok()) return text.status();
      const auto topic_id = ParsePartitionMetadata(*text);
      if (topic_id.ok()) folder.topic_id = *topic_id;
    }
    folders.push_back(std::move(folder));
  }
  return folders;
}

std::string NameAside(const std::string& folder, std::string_view kind, Random& random) {
  const std::string parent = DirectoryOf(folder);
  const std::string suffix = fmt::format(".{}-{}", Uuid::Generate(random).ToString(), kind);
  std::string name = folder.substr(folder.rfind('/') + 1);
  name.resize(std::min(name.size(), kMaxNameBytes - suffix.size()));
  return JoinPath(parent, name + suffix);
}

std::string DataDirectory::PartitionPath(std::string_view topic, int32_t partition) const {
  return JoinPath(path_, fmt::format("{}-{}", topic, partition));
}

absl::Status DataDirectory::RemovePartition(std::string_view topic, int32_t partition,
                                            Random& random) {
  const std::string from = PartitionPath(topic, partition);
  if (!fs_->Exists(from)) return absl::OkStatus();
  const std::string to = NameAside(from, kDeleteSuffix.substr(1), random);
  if (absl::Status status = fs_->Rename(from, to); !status.ok()) return status;
  // From here on the partition stays gone, whatever happens to the rest.
  if (absl::Status status = fs_->SyncDirectory(path_); !status.ok()) return status;
  return fs_->RemoveTree(to);
}

std::map<TopicPartitionName, int64_t> DataDirectory::ReadHighWatermarks() const {
  std::map<TopicPartitionName, int64_t> values;
  const auto text = ReadFile(*fs_, JoinPath(path_, kHighWatermarksName));
  if (!text.ok()) return values;
  const auto entries = ParseCheckpoint(*text);
  if (!entries.ok()) return values;
  for (const std::string& entry : *entries) {
    const std::vector<std::string_view> fields = SplitFields(entry);
    int64_t partition = 0;
    int64_t offset = 0;
    if (fields.size() != 3 || !ParseNumber(fields[1], &partition) ||
        !ParseNumber(fields[2], &offset) || partition < 0 || partition > INT32_MAX || offset < 0) {
      continue;
    }
    values[{std::string(fields[0]), static_cast<int32_t>(partition)}] = offset;
  }
  return values;
}

absl::Status DataDirectory::WriteHighWatermarks(
    const std::map<TopicPartitionName, int64_t>& values) {
  std::vector<std::string> entries;
  entries.reserve(values.size());
  for (const auto& [name, offset] : values) {
    entries.push_back(fmt::format("{} {} {}", name.first, name.second, offset));
  }
  return WriteFileAtomically(*fs_, JoinPath(path_, kHighWatermarksName), EncodeCheckpoint(entries));
}

absl::Status DataDirectory::MarkClean(int64_t broker_epoch) {
  return WriteFileAtomically(*fs_, JoinPath(path_, kCleanShutdownName),
                             fmt::format(R"({{"version":0,"brokerEpoch":{}}})", broker_epoch));
}

}  // namespace soliton::segment

#include "broker/partition/partition_folder.h"

#include <fmt/format.h>

#include "runtime/base/mutant.h"
#include "runtime/obs/logging.h"
#include "segment/checkpoint_file.h"
#include "segment/data_directory.h"

namespace soliton::broker {
namespace {

constexpr std::string_view kTopicIdFile = "partition.metadata";

absl::StatusOr<bool> HoldsRecords(FileSystem& fs, const std::string& folder) {
  auto entries = fs.List(folder);
  if (!entries.ok()) return entries.status();
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory || !entry.name.ends_with(".log")) continue;
    auto file = fs.Open(JoinPath(folder, entry.name), OpenMode::kReadOnly);
    if (!file.ok()) return file.status();
    if ((*file)->size_bytes() > 0) return true;
  }
  return false;
}

absl::Status RenameDurably(FileSystem& fs, const std::string& from, const std::string& to) {
  if (absl::Status status = fs.Rename(from, to); !status.ok()) return status;
  return fs.SyncDirectory(DirectoryOf(from));
}

}  // namespace

absl::Status SetAside(FileSystem& fs, const std::string& folder, Random& random) {
  const std::string aside = segment::NameAside(folder, "stray", random);
  LogWarn("{} belongs to no partition of this broker; set aside as {}", folder, aside);
  return RenameDurably(fs, folder, aside);
}

absl::Status SetAsideDamaged(FileSystem& fs, const std::string& folder, const absl::Status& why,
                             Random& random) {
  const std::string aside = segment::NameAside(folder, "damaged", random);
  LogWarn("{} is damaged and kept as {}; its records are fetched from another replica: {}", folder,
          aside, std::string(why.message()));
  return RenameDurably(fs, folder, aside);
}

absl::Status SetAsideForeign(FileSystem& fs, const std::string& folder, const Uuid& topic_id,
                             Random& random) {
  if (!fs.Exists(folder)) return absl::OkStatus();
  const std::string path = JoinPath(folder, kTopicIdFile);
  if (!fs.Exists(path)) {
    auto holds_records = HoldsRecords(fs, folder);
    if (!holds_records.ok()) return holds_records.status();
    if (!*holds_records) return absl::OkStatus();
    return absl::DataLossError(
        fmt::format("{} is missing, so nobody knows which topic the records belong to", path));
  }
  auto text = ReadFile(fs, path);
  if (!text.ok()) return text.status();
  auto owner = segment::ParsePartitionMetadata(*text);
  if (!owner.ok() || *owner == topic_id || SOLITON_MUTANT("folder_of_another_topic_is_taken")) {
    return absl::OkStatus();
  }
  return SetAside(fs, folder, random);
}

}  // namespace soliton::broker

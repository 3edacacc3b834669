#include "controller/quorum/quorum_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/metadata/metadata_batch.h"
#include "runtime/base/buffer_chain.h"
#include "runtime/base/check.h"

namespace soliton::controller {
namespace {

constexpr std::string_view kSuffix = ".checkpoint";
constexpr int64_t kBatchBytes = 1 << 20;

// Names of snapshots, oldest first: the offset has leading zeros.
absl::StatusOr<std::vector<std::string>> ListSnapshots(const FileSystem& files,
                                                       const std::string& directory) {
  const auto entries = files.List(directory);
  if (!entries.ok()) return entries.status();
  std::vector<std::string> names;
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.is_directory && entry.name.ends_with(kSuffix)) names.push_back(entry.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Buffer EncodeSnapshot(const QuorumSnapshot& snapshot) {
  std::vector<pb::MetadataRecord> batch;
  pb::SnapshotHeader* header = batch.emplace_back().mutable_snapshot_header();
  header->set_end_offset(snapshot.end.offset);
  header->set_epoch(snapshot.end.epoch);
  header->set_record_count(static_cast<int64_t>(snapshot.records.size()));
  *header->mutable_voters() = snapshot.voters;
  BufferChain chain;
  int64_t bytes = 0;
  for (const pb::MetadataRecord& record : snapshot.records) {
    if (bytes >= kBatchBytes) {
      chain.Append(EncodeMetadataBatch(std::exchange(batch, {}), 0, 0));
      bytes = 0;
    }
    batch.push_back(record);
    bytes += static_cast<int64_t>(record.ByteSizeLong());
  }
  chain.Append(EncodeMetadataBatch(batch, 0, 0));
  auto flat = chain.Flatten();
  CHECK(flat.ok(), "{}", flat.status().ToString());
  return *std::move(flat);
}

absl::StatusOr<QuorumSnapshot> DecodeSnapshot(const Buffer& bytes) {
  auto batches = DecodeMetadataBatches(bytes);
  if (!batches.ok()) return batches.status();
  QuorumSnapshot snapshot;
  int64_t count = -1;
  for (MetadataBatch& batch : *batches) {
    for (pb::MetadataRecord& record : batch.records) {
      if (count >= 0 && !record.has_snapshot_header()) {
        snapshot.records.push_back(std::move(record));
        continue;
      }
      if (count >= 0 || !record.has_snapshot_header()) {
        return absl::DataLossError("a snapshot has one header, in front");
      }
      const pb::SnapshotHeader& header = record.snapshot_header();
      snapshot.end = {header.epoch(), header.end_offset()};
      snapshot.voters = header.voters();
      count = header.record_count();
    }
  }
  if (count < 0 || snapshot.end.offset <= 0 || snapshot.end.epoch < 0) {
    return absl::DataLossError("a snapshot without a header that says where it ends");
  }
  if (count == static_cast<int64_t>(snapshot.records.size())) return snapshot;
  return absl::DataLossError(
      fmt::format("{} records in a snapshot, its header says {}", snapshot.records.size(), count));
}

std::string SnapshotName(const LogPosition& end) {
  return fmt::format("{:020}-{:010}{}", end.offset, end.epoch, kSuffix);
}

absl::Status WriteSnapshot(FileSystem& files, const std::string& directory, const LogPosition& end,
                           const Buffer& bytes) {
  return WriteFileAtomically(files, JoinPath(directory, SnapshotName(end)), bytes.view());
}

absl::StatusOr<std::optional<QuorumSnapshot>> NewestSnapshot(const FileSystem& files,
                                                             const std::string& directory) {
  const auto names = ListSnapshots(files, directory);
  if (!names.ok()) return names.status();
  if (names->empty()) return std::nullopt;
  const std::string path = JoinPath(directory, names->back());
  const auto text = ReadFile(files, path);
  if (!text.ok()) return text.status();
  auto snapshot = DecodeSnapshot(Buffer::CopyOf(*text));
  if (!snapshot.ok()) {
    return absl::DataLossError(
        fmt::format("{} is damaged: {}", path, std::string(snapshot.status().message())));
  }
  if (SnapshotName(snapshot->end) != names->back()) {
    return absl::DataLossError(
        fmt::format("{} is damaged: it holds {}", path, SnapshotName(snapshot->end)));
  }
  return *std::move(snapshot);
}

absl::Status RemoveOldSnapshots(FileSystem& files, const std::string& directory) {
  const auto names = ListSnapshots(files, directory);
  if (!names.ok()) return names.status();
  for (size_t i = 0; i + 1 < names->size(); ++i) {
    if (absl::Status removed = files.Remove(JoinPath(directory, (*names)[i])); !removed.ok()) {
      return removed;
    }
  }
  return absl::OkStatus();
}

}  // namespace soliton::controller

#include "segment/verify/directory_verifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "segment/checkpoint_file.h"
#include "segment/segment.h"

namespace soliton::segment {
namespace {

constexpr std::string_view kMetaPropertiesName = "meta.properties";
constexpr std::string_view kHighWatermarksName = "replication-offset-checkpoint";

bool HoldsSegments(const std::vector<DirectoryEntry>& entries) {
  return std::any_of(entries.begin(), entries.end(), [](const DirectoryEntry& entry) {
    return !entry.is_directory && ParseSegmentFileName(entry.name, kLogSuffix).has_value();
  });
}

// "topic-3", also for folders that were set aside under another ending: no.
bool IsPartitionName(std::string_view name) {
  const size_t dash = name.rfind('-');
  int64_t partition = 0;
  return dash != std::string_view::npos && dash > 0 &&
         ParseNumber(name.substr(dash + 1), &partition) && partition >= 0;
}

std::string_view NameOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

void Damaged(DirectoryReport& report, const std::string& path, int64_t offset, std::string what) {
  report.findings.push_back({Finding::Kind::kDamaged, path, -1, offset, std::move(what)});
}

void CheckMetaProperties(const FileSystem& fs, const std::string& path, DirectoryReport& report) {
  if (!fs.Exists(path)) return Damaged(report, path, -1, "is missing");
  const auto text = ReadFile(fs, path);
  if (!text.ok()) return Damaged(report, path, -1, std::string(text.status().message()));
  const auto values = ParseProperties(*text);
  if (!values.ok()) return Damaged(report, path, -1, std::string(values.status().message()));
  for (const char* key : {"version", "cluster.id", "node.id", "directory.id"}) {
    if (!values->contains(key)) Damaged(report, path, -1, fmt::format("has no {}", key));
  }
}

// What clients may have been shown must be there.
void CheckHighWatermarks(const FileSystem& fs, const std::string& path, DirectoryReport& report) {
  if (!fs.Exists(path)) return;  // none was written yet
  const auto text = ReadFile(fs, path);
  if (!text.ok()) return Damaged(report, path, -1, std::string(text.status().message()));
  const auto entries = ParseCheckpoint(*text);
  if (!entries.ok()) return Damaged(report, path, -1, std::string(entries.status().message()));
  std::map<std::string, const LogReport*, std::less<>> logs;
  for (const LogReport& log : report.logs) logs[std::string(NameOf(log.directory))] = &log;
  for (const std::string& entry : *entries) {
    const std::vector<std::string_view> fields = SplitFields(entry);
    int64_t offset = 0;
    if (fields.size() != 3 || !ParseNumber(fields[2], &offset)) {
      Damaged(report, path, -1, fmt::format("'{}' is not: topic partition offset", entry));
      continue;
    }
    const auto log = logs.find(fmt::format("{}-{}", fields[0], fields[1]));
    // A topic that was deleted since.
    if (log == logs.end() || log->second->log_end_offset >= offset) continue;
    Damaged(report, path, offset,
            fmt::format("the high watermark of {} was here, its log ends at {}", log->first,
                        log->second->log_end_offset));
  }
}

}  // namespace

absl::StatusOr<LogPathKind> KindOfLogPath(const FileSystem& fs, const std::string& path) {
  if (!fs.Exists(path)) return absl::NotFoundError(fmt::format("there is no {}", path));
  const auto entries = fs.List(path);
  if (!entries.ok()) {
    if (ParseSegmentFileName(NameOf(path), kLogSuffix)) return LogPathKind::kSegmentFile;
    return absl::InvalidArgumentError(
        fmt::format("{} is neither a folder nor a segment file (00000000000000000000.log)", path));
  }
  if (HoldsSegments(*entries)) return LogPathKind::kPartition;
  const bool is_data_directory =
      std::any_of(entries->begin(), entries->end(), [](const DirectoryEntry& entry) {
        return entry.name == kMetaPropertiesName ||
               (entry.is_directory && IsPartitionName(entry.name));
      });
  if (is_data_directory) return LogPathKind::kDataDirectory;
  return absl::InvalidArgumentError(fmt::format("{} holds neither segments nor partitions", path));
}

std::string DataDirectoryOf(LogPathKind kind, const std::string& path) {
  switch (kind) {
    case LogPathKind::kSegmentFile:
      return JoinPath(DirectoryOf(path), "..");
    case LogPathKind::kPartition:
      return JoinPath(path, "..");
    case LogPathKind::kDataDirectory:
      return path;
  }
  return path;
}

absl::StatusOr<std::vector<std::string>> ListPartitionFolders(const FileSystem& fs,
                                                              const std::string& directory) {
  const auto entries = fs.List(directory);
  if (!entries.ok()) return entries.status();
  std::vector<std::string> folders;
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.is_directory || !IsPartitionName(entry.name)) continue;
    folders.push_back(JoinPath(directory, entry.name));
  }
  return folders;
}

absl::StatusOr<DirectoryReport> VerifyDirectory(FileSystem& fs, const std::string& directory) {
  DirectoryReport report;
  CheckMetaProperties(fs, JoinPath(directory, kMetaPropertiesName), report);
  const auto folders = ListPartitionFolders(fs, directory);
  if (!folders.ok()) return folders.status();
  for (const std::string& folder : *folders) {
    auto log = VerifyLog(fs, folder);
    if (!log.ok()) return log.status();
    report.logs.push_back(*std::move(log));
  }
  CheckHighWatermarks(fs, JoinPath(directory, kHighWatermarksName), report);
  return report;
}

}  // namespace soliton::segment

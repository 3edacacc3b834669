#include "segment/flush_ticket.h"

#include <set>
#include <string>

#include "runtime/base/mutant.h"
#include "runtime/obs/logging.h"
#include "segment/failed_sync.h"

namespace soliton::segment {
namespace {

// Whole or, after a power loss, not: the content's checksum tells.
absl::Status WriteHint(FileSystem& fs, const FlushTicket::SideFile& hint) {
  const std::string temporary = hint.path + ".tmp";
  auto file = fs.Open(temporary, OpenMode::kReadWriteOrCreate);
  if (!file.ok()) return file.status();
  if (absl::Status status = (*file)->Truncate(0); !status.ok()) return status;
  const Buffer bytes = Buffer::CopyOf(hint.content);
  if (absl::Status status = (*file)->Append({&bytes, 1}); !status.ok()) return status;
  return fs.Rename(temporary, hint.path);
}

}  // namespace

absl::Status SyncFailure(const absl::Status& status) {
  return absl::IsResourceExhausted(status) ? absl::DataLossError(status.message()) : status;
}

absl::Status FlushTicket::Run(FileSystem& fs) const {
  absl::Status status = RunAll(fs);
  if (!status.ok() && !absl::IsResourceExhausted(status)) MarkFailedSync(fs, log_directory);
  return status;
}

absl::Status FlushTicket::RunAll(FileSystem& fs) const {
  for (const std::string& path : removals) {
    if (absl::Status status = fs.Remove(path); !status.ok()) LogWarn("{}", status.ToString());
  }
  for (const std::shared_ptr<File>& file : files) {
    if (SOLITON_MUTANT("flush_does_not_sync")) continue;
    if (absl::Status status = file->Sync(); !status.ok()) return SyncFailure(status);
  }
  // Side files one by one, then all names at once: every sync is a commit of the file system's.
  absl::Status written;
  for (const SideFile& side_file : side_files) {
    written = ReplaceFile(fs, side_file.path, side_file.content);
    if (!written.ok()) break;
  }
  // Also when they did not fit on the disk: the records count all the same.
  std::set<std::string> named(directories.begin(), directories.end());
  if (!side_files.empty()) named.insert(log_directory);
  for (const std::string& directory : named) {
    if (absl::Status status = fs.SyncDirectory(directory); !status.ok()) return SyncFailure(status);
  }
  if (!written.ok()) return written;
  for (const SideFile& hint : hints) WriteHint(fs, hint).IgnoreError();
  return absl::OkStatus();
}

}  // namespace soliton::segment

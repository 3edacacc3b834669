// A sync that failed. The kernel may call pages clean that never reached the disk, so what can be
// read proves nothing and a later sync "succeeds" (ATC'20). The next recovery of the folder is told
// by a mark, whoever it was that failed: a flush, a truncation, or a recovery.
#pragma once

#include <string>
#include <string_view>

#include "runtime/file/file_system.h"

namespace soliton::segment {

inline constexpr std::string_view kSyncFailedName = "sync-failed";

// The mark needs no sync, which might fail in turn: as long as the pages that were not written can
// be read it can be seen, and a power loss that takes it takes them too.
void MarkFailedSync(FileSystem& fs, const std::string& directory);

// Syncs a file of the folder; marks the folder when that fails.
absl::Status SyncOrMark(FileSystem& fs, const std::string& directory, File& file);

}  // namespace soliton::segment

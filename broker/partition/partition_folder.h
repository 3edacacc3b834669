// What becomes of folders in the data directory that are in the way. Blocks; disk thread or start.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "runtime/base/random.h"
#include "runtime/base/uuid.h"
#include "runtime/file/file_system.h"

namespace soliton::broker {

// Renames `folder` to a name that no partition has and that says why it is there; never deletes.
absl::Status SetAside(FileSystem& fs, const std::string& folder, Random& random);
// The same for a folder with damage, whose records another replica has. Durable before it returns.
absl::Status SetAsideDamaged(FileSystem& fs, const std::string& folder, const absl::Status& why,
                             Random& random);
// Sets `folder` aside when it belongs to another topic id than `topic_id`. One whose topic id
// cannot be read is left for the log to refuse: it may hold the only copy of something.
absl::Status SetAsideForeign(FileSystem& fs, const std::string& folder, const Uuid& topic_id,
                             Random& random);

}  // namespace soliton::broker

// Copying the bytes of one open file behind those of another, durably and in bounded memory.
// Blocks.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "runtime/file/file_system.h"

namespace soliton {

// Appends what `from` holds from `position` on to `to`, and syncs `to`. Its name is the caller's to
// sync. After an error some prefix may be there.
absl::Status CopyDurably(const File& from, int64_t position, File& to);

}  // namespace soliton

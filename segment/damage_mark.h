// Damage that was met when records were read. Recovery reads the tail only, so the next opening
// would not see it: a file in the folder tells, until the folder is replaced.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "runtime/file/file_system.h"

namespace soliton::segment {

inline constexpr std::string_view kDamagedName = "damaged";

// Durable if the disk allows it; an opening that does not see it meets the damage again.
void MarkDamaged(FileSystem& fs, const std::string& directory, const absl::Status& damage);
// kDataLoss with what was found when the folder is marked.
absl::Status CheckNotDamaged(FileSystem& fs, const std::string& directory);

}  // namespace soliton::segment

#include "segment/damage_mark.h"

#include <fmt/format.h>

namespace soliton::segment {

void MarkDamaged(FileSystem& fs, const std::string& directory, const absl::Status& damage) {
  const std::string path = JoinPath(directory, kDamagedName);
  if (fs.Exists(path)) return;
  WriteFileAtomically(fs, path, std::string(damage.message())).IgnoreError();
}

absl::Status CheckNotDamaged(FileSystem& fs, const std::string& directory) {
  const std::string path = JoinPath(directory, kDamagedName);
  if (!fs.Exists(path)) return absl::OkStatus();
  const auto text = ReadFile(fs, path);
  if (!text.ok()) return text.status();
  return absl::DataLossError(
      fmt::format("{}: {}; the folder is not used any more, look at it with: soliton log verify {}",
                  directory, *text, directory));
}

}  // namespace soliton::segment

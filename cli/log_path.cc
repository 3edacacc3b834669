#include "cli/log_path.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/file/posix_file_system.h"

namespace soliton::cli {

void LogPathFlags::Declare(OptionSet& options) {
  options.Positional("PATH", &path, "a segment file, a partition's folder or a data directory")
      .Required();
  options.Flag("--live", &live,
               "also while a node uses the directory; what it is writing may look torn");
}

std::optional<CliError> OpenLogPath(const LogPathFlags& flags, const FileSystem& fs, LogPath* out) {
  out->path = flags.path;
  while (out->path.size() > 1 && out->path.ends_with('/')) out->path.pop_back();
  const auto kind = segment::KindOfLogPath(fs, out->path);
  if (!kind.ok()) {
    return CliError{absl::IsNotFound(kind.status()) ? ExitCode::kNotFound : ExitCode::kUsage,
                    "there is no log to read", out->path, std::string(kind.status().message()),
                    "name a file 00000000000000000000.log, the folder TOPIC-N, or log.dirs"};
  }
  out->kind = *kind;
  if (flags.live) return std::nullopt;
  auto lock = LockForReading(JoinPath(segment::DataDirectoryOf(*kind, out->path), ".lock"));
  if (lock.ok()) {
    out->lock = *std::move(lock);
    return std::nullopt;
  }
  if (absl::IsNotFound(lock.status())) return std::nullopt;  // a folder that was copied elsewhere
  return CliError{ExitCode::kRefused, "a process uses this directory", out->path,
                  std::string(lock.status().message()),
                  "stop it first, or add --live and expect its latest writes to look torn"};
}

CliError DamageError(std::string what, const segment::Finding& damage) {
  std::string at = damage.path;
  if (damage.position >= 0) at += fmt::format(" byte {}", damage.position);
  if (damage.offset >= 0) at += fmt::format(" offset {}", damage.offset);
  return {
      ExitCode::kDataCorrupt, std::move(what), std::move(at), damage.what,
      "a broker that starts with it fetches it again from another replica; where there is none: "
      "soliton log accept-loss " +
          DirectoryOf(damage.path)};
}

}  // namespace soliton::cli

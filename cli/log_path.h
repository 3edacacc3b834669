// What `soliton log` reads: a segment file, a partition's folder or a data directory of a node that
// does not run.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/errors.h"
#include "cli/option_set.h"
#include "runtime/file/file_system.h"
#include "segment/verify/directory_verifier.h"

namespace soliton::cli {

struct LogPathFlags {
  std::string path;
  bool live = false;

  void Declare(OptionSet& options);
};

struct LogPath {
  std::string path;
  segment::LogPathKind kind = segment::LogPathKind::kPartition;
  std::unique_ptr<FileLock> lock;  // keeps the node from starting; null: the folder has none
};

// An error: there is no log, or a process uses it and `live` is not set. Writes nothing.
std::optional<CliError> OpenLogPath(const LogPathFlags& flags, const FileSystem& fs, LogPath* out);

// exit 9, with file and byte.
CliError DamageError(std::string what, const segment::Finding& damage);

}  // namespace soliton::cli

#include "cli/dev_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "runtime/child_process.h"
#include "runtime/file/posix_file_system.h"

namespace soliton::cli {
namespace {

std::optional<int> PidIn(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(PosixFileSystem(), path);
  if (!text.ok()) return std::nullopt;
  int pid = 0;
  std::from_chars(text->data(), text->data() + text->size(), pid);
  return pid > 0 ? std::optional(pid) : std::nullopt;
}

}  // namespace

absl::StatusOr<DevLayout> ReadDevLayout(const std::string& directory) {
  DevLayout layout;
  layout.directory = directory;
  const absl::StatusOr<std::string> state = ReadFile(PosixFileSystem(), layout.state_path());
  if (!state.ok()) return state.status();
  return DevLayout::FromState(*state, directory);
}

absl::Status WriteDevFiles(const DevLayout& layout) {
  PosixFileSystem fs;
  for (int node = 1; node <= layout.nodes; ++node) {
    absl::Status status = fs.CreateDirectories(layout.node_directory(node));
    if (status.ok()) {
      status = WriteFileAtomically(fs, layout.config_path(node), layout.ConfigOf(node));
    }
    if (!status.ok()) return status;
  }
  return WriteFileAtomically(fs, layout.state_path(), layout.ToState());
}

absl::StatusOr<std::unique_ptr<FileLock>> LockDevDirectory(const DevLayout& layout) {
  PosixFileSystem fs;
  if (absl::Status made = fs.CreateDirectories(layout.directory); !made.ok()) return made;
  return fs.Lock(layout.lock_path());
}

std::optional<int> DevSupervisor(const DevLayout& layout) {
  const auto lock = LockForReading(layout.lock_path());
  if (!absl::IsFailedPrecondition(lock.status())) return std::nullopt;
  return PidIn(layout.lock_path());
}

std::optional<int> DevNodePid(const DevLayout& layout, int node) {
  const std::optional<int> pid = PidIn(layout.pid_path(node));
  if (!pid.has_value()) return std::nullopt;
  // The number may have gone to somebody else meanwhile.
  const std::vector<std::string> words = WordsOfProcess(*pid);
  const bool ours = std::find(words.begin(), words.end(), layout.config_path(node)) != words.end();
  return ours ? pid : std::nullopt;
}

absl::Status WriteDevNodePid(const DevLayout& layout, int node, int pid) {
  PosixFileSystem fs;
  return WriteFileAtomically(fs, layout.pid_path(node), fmt::format("{}\n", pid));
}

std::string DevNodeOutput(const DevLayout& layout, int node, int64_t offset) {
  const absl::StatusOr<std::string> text = ReadFile(PosixFileSystem(), layout.log_path(node));
  if (!text.ok() || static_cast<int64_t>(text->size()) < offset) return "";
  return text->substr(static_cast<size_t>(offset));
}

int64_t DevNodeOutputBytes(const DevLayout& layout, int node) {
  PosixFileSystem fs;
  const auto file = fs.Open(layout.log_path(node), OpenMode::kReadOnly);
  return file.ok() ? (*file)->size_bytes() : 0;
}

std::string TakenPorts(const DevLayout& layout) {
  std::string text;
  for (const uint16_t port : layout.ports()) {
    const std::optional<PortHolder> holder = FindPortHolder(port);
    if (!holder.has_value()) continue;
    text += fmt::format("{}port {} is held by ", text.empty() ? "" : "; ", port);
    text += holder->pid.has_value() ? fmt::format("process {} ({})", *holder->pid, holder->name)
                                    : std::string("another user's process");
  }
  return text;
}

}  // namespace soliton::cli

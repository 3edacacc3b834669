#include "runtime/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>

#include "runtime/base/os_error.h"
#include "runtime/file/posix_file_system.h"

extern char** environ;

namespace soliton {
namespace {

std::vector<std::string_view> SplitAt(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<int> ToPid(std::string_view text) {
  int pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return pid;
}

std::string ReadLink(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = ::readlink(path.c_str(), target, sizeof(target));
  return length < 0 ? "" : std::string(target, static_cast<size_t>(length));
}

bool HasSocket(int pid, const std::vector<uint64_t>& inodes) {
  PosixFileSystem fs;
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  const auto entries = fs.List(folder);
  if (!entries.ok()) return false;
  for (const DirectoryEntry& entry : *entries) {
    const std::string target = ReadLink(folder + "/" + entry.name);
    for (const uint64_t inode : inodes) {
      if (target == fmt::format("socket:[{}]", inode)) return true;
    }
  }
  return false;
}

// mountinfo writes blanks as \040.
std::string Unescaped(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 4], code, 8).ptr == &text[i + 4]) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

absl::StatusOr<int> SpawnProcess(const std::vector<std::string>& words,
                                 const std::string& output_path) {
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // What this process ignores or blocks is its own affair.
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, output_path.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  pid_t child = 0;
  const int error =
      ::posix_spawn(&child, arguments[0], &files, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return ErrnoStatus(error, "start", words[0]);
  return child;
}

std::string ProcessEnd::ToString() const {
  if (signal == 0) return fmt::format("ended with exit code {}", exit_code);
  return fmt::format("killed by signal {} ({})", signal, ::strsignal(signal));
}

std::optional<ProcessEnd> ReapProcess(int pid) {
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  if (WIFSIGNALED(status)) return ProcessEnd{0, WTERMSIG(status)};
  return ProcessEnd{WEXITSTATUS(status), 0};
}

std::optional<char> StateOfProcess(int pid) {
  const absl::StatusOr<std::string> stat =
      ReadFile(PosixFileSystem(), fmt::format("/proc/{}/stat", pid));
  if (!stat.ok()) return std::nullopt;
  const size_t close = stat->rfind(')');
  if (close == std::string::npos || close + 2 >= stat->size()) return std::nullopt;
  return (*stat)[close + 2];
}

std::vector<std::string> WordsOfProcess(int pid) {
  const absl::StatusOr<std::string> text =
      ReadFile(PosixFileSystem(), fmt::format("/proc/{}/cmdline", pid));
  std::vector<std::string> words;
  if (!text.ok()) return words;
  for (const std::string_view word : SplitAt(*text, '\0')) words.emplace_back(word);
  return words;
}

absl::StatusOr<std::string> OwnExecutable() {
  std::string path = ReadLink("/proc/self/exe");
  if (path.empty()) return ErrnoStatus(errno, "read", "/proc/self/exe");
  return path;
}

std::string AbsolutePath(const std::string& path) {
  std::string existing = path, rest;
  for (;;) {
    char resolved[PATH_MAX];
    if (::realpath(existing.empty() ? "." : existing.c_str(), resolved) != nullptr) {
      return rest.empty() ? resolved : JoinPath(resolved, rest);
    }
    const size_t slash = existing.rfind('/');
    const std::string last = existing.substr(slash == std::string::npos ? 0 : slash + 1);
    if (!last.empty()) rest = rest.empty() ? last : JoinPath(last, rest);
    if (slash == 0) return JoinPath("/", rest);
    existing.resize(slash == std::string::npos ? 0 : slash);
  }
}

std::vector<uint64_t> ListeningInodes(std::string_view table, uint16_t port) {
  // "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ..." (proc(5)).
  constexpr size_t kLocal = 1, kState = 3, kInode = 9;
  std::vector<uint64_t> inodes;
  for (const std::string_view line : SplitAt(table, '\n')) {
    const std::vector<std::string_view> fields = SplitAt(line, ' ');
    if (fields.size() <= kInode || fields[kState] != "0A") continue;
    if (!fields[kLocal].ends_with(fmt::format(":{:04X}", port))) continue;
    uint64_t inode = 0;
    const std::string_view text = fields[kInode];
    std::from_chars(text.data(), text.data() + text.size(), inode);
    inodes.push_back(inode);
  }
  return inodes;
}

std::optional<PortHolder> FindPortHolder(uint16_t port) {
  PosixFileSystem fs;
  std::vector<uint64_t> inodes;
  for (const char* path : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    const absl::StatusOr<std::string> table = ReadFile(fs, path);
    if (!table.ok()) continue;
    const std::vector<uint64_t> found = ListeningInodes(*table, port);
    inodes.insert(inodes.end(), found.begin(), found.end());
  }
  if (inodes.empty()) return std::nullopt;
  const auto processes = fs.List("/proc");
  if (!processes.ok()) return PortHolder{};
  for (const DirectoryEntry& entry : *processes) {
    const std::optional<int> pid = ToPid(entry.name);
    if (!pid.has_value() || !HasSocket(*pid, inodes)) continue;
    absl::StatusOr<std::string> name = ReadFile(fs, fmt::format("/proc/{}/comm", *pid));
    if (!name.ok()) name = "";
    while (name->ends_with('\n')) name->pop_back();
    return PortHolder{pid, *name};
  }
  return PortHolder{};
}

std::string FileSystemOf(std::string_view mountinfo, std::string_view directory) {
  // "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAGS...] - TYPE SOURCE SUPEROPTIONS" (proc(5)).
  constexpr size_t kMountPoint = 4;
  std::string found;
  size_t longest = 0;
  for (const std::string_view line : SplitAt(mountinfo, '\n')) {
    const std::vector<std::string_view> fields = SplitAt(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() <= kMountPoint || fields.end() - dash < 3) continue;
    const std::string point = Unescaped(fields[kMountPoint]);
    const bool below = point == "/" || directory == point || directory.starts_with(point + "/");
    // Of mounts at the same point the last one hides the others.
    if (!below || point.size() < longest) continue;
    longest = point.size();
    const std::string source = Unescaped(dash[2]);
    found = std::string(dash[1]);
    if (source.starts_with('/')) found += " on " + source;
  }
  return found;
}

std::string FileSystemOf(const std::string& directory) {
  const absl::StatusOr<std::string> mounts = ReadFile(PosixFileSystem(), "/proc/self/mountinfo");
  return mounts.ok() ? FileSystemOf(*mounts, AbsolutePath(directory)) : "";
}

}  // namespace soliton

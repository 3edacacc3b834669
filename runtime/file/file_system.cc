#include "runtime/file/file_system.h"

#include <fmt/format.h>

namespace soliton {
namespace {

absl::Status WriteAndSync(FileSystem& fs, const std::string& path, std::string_view content) {
  absl::StatusOr<std::shared_ptr<File>> file = fs.Open(path, OpenMode::kReadWriteOrCreate);
  if (!file.ok()) return file.status();
  // A crash may have left an earlier attempt behind.
  if (absl::Status cut = (*file)->Truncate(0); !cut.ok()) return cut;
  const Buffer bytes = Buffer::CopyOf(content);
  if (absl::Status written = (*file)->Append({&bytes, 1}); !written.ok()) return written;
  return (*file)->Sync();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const FileSystem& fs, const std::string& path) {
  // Opening is not const because it may create; read-only it does not.
  absl::StatusOr<std::shared_ptr<File>> file =
      const_cast<FileSystem&>(fs).Open(path, OpenMode::kReadOnly);
  if (!file.ok()) return file.status();
  // Reads until the end rather than size_bytes(): /proc files claim to be empty.
  std::string content;
  size_t used = 0;
  while (true) {
    content.resize(std::max<size_t>(used * 2, 4096));
    auto* out = reinterpret_cast<uint8_t*>(content.data()) + used;
    const size_t room = content.size() - used;
    absl::StatusOr<size_t> count = (*file)->ReadAt(static_cast<int64_t>(used), {out, room});
    if (!count.ok()) return count.status();
    used += *count;
    if (*count < room) break;
  }
  content.resize(used);
  return content;
}

absl::Status ReplaceFile(FileSystem& fs, const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  if (absl::Status written = WriteAndSync(fs, temporary, content); !written.ok()) {
    fs.Remove(temporary).IgnoreError();  // the first failure is the one to report
    return written;
  }
  return fs.Rename(temporary, path);
}

absl::Status WriteFileAtomically(FileSystem& fs, const std::string& path,
                                 std::string_view content) {
  if (absl::Status replaced = ReplaceFile(fs, path, content); !replaced.ok()) return replaced;
  return fs.SyncDirectory(DirectoryOf(path));
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  if (directory.back() == '/') return fmt::format("{}{}", directory, name);
  return fmt::format("{}/{}", directory, name);
}

std::string DirectoryOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  if (slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

}  // namespace soliton

#include "tests/sim/sim_file_system.h"

#include <algorithm>

#include <fmt/format.h>

#include "runtime/base/check.h"
#include "tests/sim/sim_file.h"

namespace soliton::sim {

class SimFileLock final : public FileLock {
 public:
  SimFileLock(SimFileSystem& fs, std::string path)
      : fs_(&fs), generation_(fs.generation_), path_(std::move(path)) {}
  ~SimFileLock() override {
    if (fs_->generation_ == generation_) fs_->locks_.erase(path_);
  }

 private:
  SimFileSystem* fs_;
  const uint64_t generation_;
  const std::string path_;
};

const char* FileOperationName(FileOperation operation) {
  switch (operation) {
    case FileOperation::kCreate:
      return "create";
    case FileOperation::kCreateDirectory:
      return "create-directory";
    case FileOperation::kAppend:
      return "append";
    case FileOperation::kSync:
      return "sync";
    case FileOperation::kTruncate:
      return "truncate";
    case FileOperation::kRename:
      return "rename";
    case FileOperation::kRemove:
      return "remove";
    case FileOperation::kSyncDirectory:
      return "sync-directory";
    case FileOperation::kRead:
      return "read";
  }
  return "?";
}

namespace {

// As the real one names what failed.
absl::Status Named(const absl::Status& fault, FileOperation operation, const std::string& path) {
  absl::Status status(fault.code(), fmt::format("{} {}: {}", FileOperationName(operation), path,
                                                std::string(fault.message())));
  fault.ForEachPayload(
      [&](absl::string_view key, const absl::Cord& value) { status.SetPayload(key, value); });
  return status;
}

}  // namespace

SimFileSystem::SimFileSystem(uint64_t seed) : random_(seed) {}

absl::Status SimFileSystem::CheckRunning() const {
  return frozen_ ? absl::UnavailableError("crashed") : absl::OkStatus();
}

absl::Status SimFileSystem::Begin(FileOperation operation, const std::string& path) {
  ++operation_count_;
  if (auto found = numbered_faults_.find(operation_count_); found != numbered_faults_.end()) {
    return Named(found->second, operation, path);
  }
  return DrawFault(operation, path);
}

absl::Status SimFileSystem::DrawFault(FileOperation operation, const std::string& path) {
  if (fault_gate_ && !fault_gate_()) return absl::OkStatus();
  for (Fault& fault : faults_) {
    if (fault.operation != operation || (fault.times <= 0 && !fault.always)) continue;
    if (path.find(fault.path_part) == std::string::npos) continue;
    --fault.times;
    return Named(fault.status, operation, path);
  }
  return absl::OkStatus();
}

void SimFileSystem::Done(FileOperation operation, const std::string& path) {
  if (observer_) observer_(operation, path);
  if (!crash_at_ || operation_count_ < *crash_at_ || frozen_) return;
  frozen_ = true;
  if (on_crash_) on_crash_();
}

absl::StatusOr<std::shared_ptr<File>> SimFileSystem::Open(const std::string& path, OpenMode mode) {
  if (absl::Status status = CheckRunning(); !status.ok()) return status;
  InodePtr inode = tree_.Find(path);
  if (inode != nullptr && inode->is_directory) {
    return absl::FailedPreconditionError(fmt::format("{}: is a directory", path));
  }
  if (inode == nullptr) {
    std::string name;
    InodePtr parent = tree_.FindParent(path, &name);
    if (mode != OpenMode::kReadWriteOrCreate || parent == nullptr) {
      return absl::NotFoundError(fmt::format("{}: no such file", path));
    }
    if (absl::Status status = Begin(FileOperation::kCreate, path); !status.ok()) return status;
    inode = tree_.Create(parent, name, /*directory=*/false);
    Done(FileOperation::kCreate, path);
  }
  return std::make_shared<SimFile>(*this, inode, path, mode != OpenMode::kReadOnly);
}

bool SimFileSystem::Exists(const std::string& path) const {
  return !frozen_ && tree_.Find(path) != nullptr;
}

absl::StatusOr<std::vector<DirectoryEntry>> SimFileSystem::List(
    const std::string& directory) const {
  if (absl::Status status = CheckRunning(); !status.ok()) return status;
  const InodePtr inode = tree_.Find(directory);
  if (inode == nullptr || !inode->is_directory) {
    return absl::NotFoundError(fmt::format("{}: no such directory", directory));
  }
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, child] : inode->names) {
    entries.push_back(DirectoryEntry{name, child->is_directory});
  }
  return entries;
}

absl::Status SimFileSystem::CreateDirectories(const std::string& directory) {
  if (absl::Status status = CheckRunning(); !status.ok()) return status;
  InodePtr inode = tree_.Find("");
  std::string path;
  for (const std::string& part : SimNamespace::Split(directory)) {
    path = path.empty() ? part : JoinPath(path, part);
    auto found = inode->names.find(part);
    if (found != inode->names.end()) {
      inode = found->second;
      if (!inode->is_directory) {
        return absl::FailedPreconditionError(fmt::format("{}: not a directory", path));
      }
      continue;
    }
    if (absl::Status status = CheckRunning(); !status.ok()) return status;
    if (absl::Status status = Begin(FileOperation::kCreateDirectory, path); !status.ok()) {
      return status;
    }
    inode = tree_.Create(inode, part, /*directory=*/true);
    Done(FileOperation::kCreateDirectory, path);
  }
  return absl::OkStatus();
}

absl::Status SimFileSystem::Rename(const std::string& from, const std::string& to) {
  if (absl::Status status = CheckRunning(); !status.ok()) return status;
  std::string from_name;
  std::string to_name;
  const InodePtr from_parent = tree_.FindParent(from, &from_name);
  const InodePtr to_parent = tree_.FindParent(to, &to_name);
  if (from_parent == nullptr || to_parent == nullptr || !from_parent->names.contains(from_name)) {
    return absl::NotFoundError(fmt::format("{} -> {}: no such file or directory", from, to));
  }
  if (auto target = to_parent->names.find(to_name); target != to_parent->names.end()) {
    const bool full_directory = target->second->is_directory && !target->second->names.empty();
    if (full_directory ||
        target->second->is_directory != from_parent->names.at(from_name)->is_directory) {
      return absl::FailedPreconditionError(fmt::format("{}: in the way of {}", to, from));
    }
  }
  if (absl::Status status = Begin(FileOperation::kRename, to); !status.ok()) return status;
  tree_.Rename(from_parent, from_name, to_parent, to_name);
  Done(FileOperation::kRename, to);
  return absl::OkStatus();
}

absl::Status SimFileSystem::Remove(const std::string& path) {
  if (absl::Status status = CheckRunning(); !status.ok()) return status;
  std::string name;
  const InodePtr parent = tree_.FindParent(path, &name);
  if (parent == nullptr || !parent->names.contains(name)) return absl::OkStatus();
  if (parent->names.at(name)->is_directory) {
    return absl::FailedPreconditionError(fmt::format("{}: is a directory", path));
  }
  if (absl::Status status = Begin(FileOperation::kRemove, path); !status.ok()) return status;
  tree_.Unlink(parent, name);
  Done(FileOperation::kRemove, path);
  return absl::OkStatus();
}

absl::Status SimFileSystem::RemoveTree(const std::string& directory) {
  if (absl::Status status = CheckRunning(); !status.ok()) return status;
  std::string name;
  const InodePtr parent = tree_.FindParent(directory, &name);
  if (parent == nullptr || !parent->names.contains(name)) return absl::OkStatus();
  const InodePtr inode = parent->names.at(name);
  if (inode->is_directory) {
    if (absl::Status status = RemoveChildren(inode, directory); !status.ok()) return status;
  }
  if (absl::Status status = Begin(FileOperation::kRemove, directory); !status.ok()) return status;
  tree_.Unlink(parent, name);
  Done(FileOperation::kRemove, directory);
  return CheckRunning();
}

absl::Status SimFileSystem::RemoveChildren(const InodePtr& directory, const std::string& path) {
  while (!directory->names.empty()) {
    if (absl::Status status = CheckRunning(); !status.ok()) return status;
    const auto [name, child] = *directory->names.begin();
    const std::string child_path = JoinPath(path, name);
    if (child->is_directory) {
      if (absl::Status status = RemoveChildren(child, child_path); !status.ok()) return status;
    }
    if (absl::Status status = Begin(FileOperation::kRemove, child_path); !status.ok()) {
      return status;
    }
    tree_.Unlink(directory, name);
    Done(FileOperation::kRemove, child_path);
  }
  return CheckRunning();
}

absl::Status SimFileSystem::SyncDirectory(const std::string& directory) {
  if (absl::Status status = CheckRunning(); !status.ok()) return status;
  const InodePtr inode = tree_.Find(directory);
  if (inode == nullptr || !inode->is_directory) {
    return absl::NotFoundError(fmt::format("{}: no such directory", directory));
  }
  if (absl::Status status = Begin(FileOperation::kSyncDirectory, directory); !status.ok()) {
    return status;
  }
  tree_.SyncDirectory(inode);
  Done(FileOperation::kSyncDirectory, directory);
  return absl::OkStatus();
}

bool SimFileSystem::IsDurable(const std::string& path) const {
  const InodePtr inode = tree_.Find(path);
  return inode != nullptr && tree_.FindDurable(path) == inode && inode->content.is_durable();
}

absl::StatusOr<DiskSpace> SimFileSystem::SpaceOf(const std::string&) const {
  if (absl::Status running = CheckRunning(); !running.ok()) return running;
  constexpr int64_t kPlenty = int64_t{1} << 50;
  if (!capacity_bytes_) return DiskSpace{kPlenty, kPlenty};
  return DiskSpace{std::max<int64_t>(*capacity_bytes_ - used_bytes(), 0), *capacity_bytes_};
}

absl::StatusOr<std::unique_ptr<FileLock>> SimFileSystem::Lock(const std::string& path) {
  absl::StatusOr<std::shared_ptr<File>> file = Open(path, OpenMode::kReadWriteOrCreate);
  if (!file.ok()) return file.status();
  if (!locks_.insert(path).second) {
    return absl::FailedPreconditionError(fmt::format("{}: locked by another process", path));
  }
  return std::make_unique<SimFileLock>(*this, path);
}

void SimFileSystem::CrashAndRecover(CrashModel model) {
  tree_.Crash(model, random_);
  Reboot();
}

void SimFileSystem::CrashAndRecover(CrashChooser& chooser) {
  tree_.Crash(chooser);
  Reboot();
}

void SimFileSystem::ProcessExited() { Reboot(); }

void SimFileSystem::Reboot() {
  ++generation_;
  frozen_ = false;
  locks_.clear();
  crash_at_.reset();
  on_crash_ = nullptr;
  numbered_faults_.clear();
  std::erase_if(faults_, [](const Fault& fault) { return !fault.always; });
}

void SimFileSystem::SetCrashAtOperation(uint64_t n, std::function<void()> on_crash) {
  CHECK(n > operation_count_, "operation {} is over, {} were done", n, operation_count_);
  crash_at_ = n;
  on_crash_ = std::move(on_crash);
}

void SimFileSystem::Wipe() {
  tree_ = SimNamespace();
  faults_.clear();
  Reboot();
}

void SimFileSystem::Restore(const SimNamespace& copy) {
  tree_ = copy.Copy();
  faults_.clear();
  Reboot();
}

void SimFileSystem::FailOperation(uint64_t n, absl::Status status) {
  numbered_faults_[n] = std::move(status);
}

void SimFileSystem::FailNext(FileOperation operation, std::string path_part, absl::Status status,
                             int times) {
  faults_.push_back(Fault{operation, std::move(path_part), std::move(status), times});
}

void SimFileSystem::FailAlways(FileOperation operation, std::string path_part,
                               absl::Status status) {
  faults_.push_back(Fault{operation, std::move(path_part), std::move(status), 0, true});
}

std::vector<std::string> SimFileSystem::Rot(const std::string& directory, std::string_view spared,
                                            int bits, Random& random) {
  std::vector<std::pair<std::string, InodePtr>> files;
  std::vector<std::pair<std::string, InodePtr>> todo = {{directory, tree_.Find(directory)}};
  while (!todo.empty()) {
    const auto [path, inode] = todo.back();
    todo.pop_back();
    if (inode == nullptr) continue;
    const bool rots = !inode->is_directory && path.find(spared) == std::string::npos;
    if (rots && inode->content.size_bytes() > 0) files.emplace_back(path, inode);
    for (const auto& [name, child] : inode->names) todo.emplace_back(JoinPath(path, name), child);
  }
  std::vector<std::string> hit;
  while (!files.empty() && bits-- > 0) {
    const auto& [path, inode] = files[random.Below(files.size())];
    const auto size = static_cast<uint64_t>(inode->content.size_bytes());
    inode->content.FlipBit(static_cast<int64_t>(random.Below(size)),
                           static_cast<int>(random.Below(8)));
    hit.push_back(path);
  }
  return hit;
}

void SimFileSystem::ClearFaults() {
  numbered_faults_.clear();
  faults_.clear();
}

void SimFileSystem::FlipBit(const std::string& path, int64_t position, int bit) {
  const InodePtr inode = tree_.Find(path);
  CHECK(inode != nullptr && !inode->is_directory, "{}: no such file", path);
  inode->content.FlipBit(position, bit);
}

}  // namespace soliton::sim

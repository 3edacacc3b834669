// A disk in memory with the durability contract of runtime/file/file_system.h and no kindness
// beyond it: a crash loses or tears what was not synced. Usable alone (`SimFileSystem fs(seed)`) in
// unit tests, and as the disk of a SimNode, where it outlives the process.
//
// Every call that changes something is an operation, numbered from 1. Tests enumerate crashes with
// SetCrashAtOperation(n) for n = 1..operation_count(), then CrashAndRecover() and look at what is
// left. Single-threaded. Open files hold a pointer to the file system: it must outlive them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>

#include "runtime/file/file_system.h"
#include "tests/sim/sim_namespace.h"

namespace soliton::sim {

enum class FileOperation : uint8_t {
  kCreate,
  kCreateDirectory,
  kAppend,
  kSync,
  kTruncate,
  kRename,
  kRemove,
  kSyncDirectory,
  kRead,  // never numbered: reads change nothing
};
const char* FileOperationName(FileOperation operation);

class SimFileSystem final : public FileSystem {
 public:
  explicit SimFileSystem(uint64_t seed);

  absl::StatusOr<std::shared_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  bool Exists(const std::string& path) const override;
  absl::StatusOr<std::vector<DirectoryEntry>> List(const std::string& directory) const override;
  absl::Status CreateDirectories(const std::string& directory) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status RemoveTree(const std::string& directory) override;
  absl::Status SyncDirectory(const std::string& directory) override;
  // Without a capacity there is always plenty.
  absl::StatusOr<DiskSpace> SpaceOf(const std::string& directory) const override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

  // -- Crashes --
  // Power loss and reboot: the content becomes what the disk holds, open files become useless
  // (every call answers kUnavailable), locks are released, pending faults and the crash point are
  // cleared.
  void CrashAndRecover(CrashModel model = CrashModel::kRandom);
  // The same, with every question about what survives put to `chooser`.
  void CrashAndRecover(CrashChooser& chooser);
  // The process died but the machine lives on: open files and locks are gone, all written bytes are
  // there (and still unsynced).
  void ProcessExited();
  // From now on every call answers kUnavailable, until CrashAndRecover or ProcessExited.
  void Freeze() { frozen_ = true; }
  bool frozen() const { return frozen_; }
  // Freezes right after operation number `n` (counted since construction) has been done. `on_crash`
  // is told.
  void SetCrashAtOperation(uint64_t n, std::function<void()> on_crash = nullptr);
  // All files are gone, durably (a replaced disk).
  void Wipe();
  // A copy of the whole disk, like a snapshot of the machine, and putting it back, durably. The
  // process must be gone then, as after Wipe.
  SimNamespace Copy() const { return tree_.Copy(); }
  void Restore(const SimNamespace& copy);

  // -- Faults --
  // The `n`-th operation (counted since construction) answers `status` instead of being done. A
  // failed append may leave a prefix; a failed Sync loses the unsynced bytes for good.
  void FailOperation(uint64_t n, absl::Status status);
  // The next `times` operations of this kind on a path that contains `path_part` answer `status`.
  void FailNext(FileOperation operation, std::string path_part, absl::Status status, int times = 1);
  // Every such operation, in later processes too, until ClearFaults or Wipe.
  void FailAlways(FileOperation operation, std::string path_part, absl::Status status);
  void ClearFaults();
  // While `gate` answers false nothing fails (a checker looks).
  void SetFaultGate(std::function<bool()> gate) { fault_gate_ = std::move(gate); }
  // Appends beyond this total answer kResourceExhausted, having written what fits. Unset = no
  // limit.
  void set_capacity_bytes(std::optional<int64_t> capacity) { capacity_bytes_ = capacity; }
  // Flips `bits` random bits of random files below `directory` whose path does not contain
  // `spared`. Returns the paths that it hit.
  std::vector<std::string> Rot(const std::string& directory, std::string_view spared, int bits,
                               Random& random);
  // Flips one bit of a file, as rot does. CHECKs that the byte exists.
  void FlipBit(const std::string& path, int64_t position, int bit);

  // -- Observation --
  uint64_t operation_count() const { return operation_count_; }
  // Called after every numbered operation that was done.
  using Observer = std::function<void(FileOperation, const std::string& path)>;
  void SetObserver(Observer observer) { observer_ = std::move(observer); }
  // The file is there and so is all of it, whatever happens now.
  bool IsDurable(const std::string& path) const;
  int64_t used_bytes() const { return tree_.TotalBytes(); }

 private:
  friend class SimFile;
  friend class SimFileLock;
  struct Fault {
    FileOperation operation;
    std::string path_part;
    absl::Status status;
    int times;
    bool always = false;
  };

  // Numbers the operation and answers what it must fail with, if anything.
  absl::Status Begin(FileOperation operation, const std::string& path);
  // The operation was done: tells the observer and crashes when this was the crash point.
  void Done(FileOperation operation, const std::string& path);
  absl::Status CheckRunning() const;
  absl::Status DrawFault(FileOperation operation, const std::string& path);
  void Reboot();
  absl::Status RemoveChildren(const InodePtr& directory, const std::string& path);

  Random random_;
  SimNamespace tree_;
  uint64_t generation_ = 0;  // of the process that may use open files
  bool frozen_ = false;
  std::set<std::string> locks_;
  uint64_t operation_count_ = 0;
  std::optional<uint64_t> crash_at_;
  std::function<void()> on_crash_;
  std::map<uint64_t, absl::Status> numbered_faults_;
  std::vector<Fault> faults_;
  std::function<bool()> fault_gate_;
  std::optional<int64_t> capacity_bytes_;
  Observer observer_;
};

}  // namespace soliton::sim

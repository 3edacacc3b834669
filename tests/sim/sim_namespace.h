// The directory tree of a simulated disk: names as the process sees them, names as the disk holds
// them, and the changes between the two. A change (create, unlink, rename) is one journal entry: at
// a crash it happened whole or not at all, each one independently of the others until SyncDirectory
// of a folder that it touches.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/random.h"
#include "tests/sim/sim_file_content.h"

namespace soliton::sim {

struct SimInode {
  explicit SimInode(bool directory) : is_directory(directory) {}
  const bool is_directory;
  std::map<std::string, std::shared_ptr<SimInode>> names;    // as the process sees them
  std::map<std::string, std::shared_ptr<SimInode>> durable;  // as the disk holds them
  // Names of this folder and the numbers of the pending changes to them, for SimNamespace.
  std::map<std::string, std::set<uint64_t>> changes;
  SimFileContent content;
};
using InodePtr = std::shared_ptr<SimInode>;

class SimNamespace {
 public:
  SimNamespace() : root_(std::make_shared<SimInode>(true)) {}

  // Null when there is no such file or folder. "", "." and "/" are the root.
  InodePtr Find(std::string_view path) const;
  // As the disk holds it.
  InodePtr FindDurable(std::string_view path) const;
  // The folder that holds (or would hold) `path`; null when missing. Sets `name` to the last
  // component.
  InodePtr FindParent(std::string_view path, std::string* name) const;

  InodePtr Create(const InodePtr& parent, const std::string& name, bool directory);
  void Unlink(const InodePtr& parent, const std::string& name);
  void Rename(const InodePtr& from_parent, const std::string& from, const InodePtr& to_parent,
              const std::string& to);
  void SyncDirectory(const InodePtr& directory);

  // Power loss for names and for the content of every file that still has one.
  void Crash(CrashModel model, Random& random);
  void Crash(CrashChooser& chooser);
  // All of it as the process sees it, as it would be if everything were synced; shares nothing.
  SimNamespace Copy() const;
  // All file content as the process sees it, for the space in use.
  int64_t TotalBytes() const;

  // Components of a path without empty ones and ".".
  static std::vector<std::string> Split(std::string_view path);

 private:
  // Puts `inode` under `to_name` (when to is set) and takes `from_name` away (when from is set).
  struct Change {
    InodePtr from;
    std::string from_name;
    InodePtr to;
    std::string to_name;
    InodePtr inode;
  };
  void AddPending(Change change);
  void ForgetPending();
  static void MakeDurable(const Change& change);
  // Names become what the disk holds; `crash_file` is called with every file that still has one.
  template <typename CrashFile>
  static void CrashTree(SimInode& directory, const CrashFile& crash_file);

  InodePtr root_;
  std::map<uint64_t, Change> pending_;  // by number, in the order made
  uint64_t next_change_ = 0;
};

}  // namespace soliton::sim

#include "tests/sim/sim_namespace.h"

#include "runtime/base/check.h"

namespace soliton::sim {

std::vector<std::string> SimNamespace::Split(std::string_view path) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    begin = end + 1;
  }
  return parts;
}

InodePtr SimNamespace::Find(std::string_view path) const {
  InodePtr inode = root_;
  for (const std::string& part : Split(path)) {
    if (!inode->is_directory) return nullptr;
    auto found = inode->names.find(part);
    if (found == inode->names.end()) return nullptr;
    inode = found->second;
  }
  return inode;
}

InodePtr SimNamespace::FindDurable(std::string_view path) const {
  InodePtr inode = root_;
  for (const std::string& part : Split(path)) {
    auto found = inode->durable.find(part);
    if (found == inode->durable.end()) return nullptr;
    inode = found->second;
  }
  return inode;
}

InodePtr SimNamespace::FindParent(std::string_view path, std::string* name) const {
  std::vector<std::string> parts = Split(path);
  if (parts.empty()) return nullptr;
  *name = parts.back();
  parts.pop_back();
  InodePtr inode = root_;
  for (const std::string& part : parts) {
    auto found = inode->names.find(part);
    if (found == inode->names.end() || !found->second->is_directory) return nullptr;
    inode = found->second;
  }
  return inode;
}

InodePtr SimNamespace::Create(const InodePtr& parent, const std::string& name, bool directory) {
  auto inode = std::make_shared<SimInode>(directory);
  parent->names[name] = inode;
  AddPending(Change{nullptr, "", parent, name, inode});
  return inode;
}

void SimNamespace::Unlink(const InodePtr& parent, const std::string& name) {
  parent->names.erase(name);
  AddPending(Change{parent, name, nullptr, "", nullptr});
}

void SimNamespace::Rename(const InodePtr& from_parent, const std::string& from,
                          const InodePtr& to_parent, const std::string& to) {
  if (from_parent == to_parent && from == to) return;
  InodePtr inode = from_parent->names.at(from);
  from_parent->names.erase(from);
  to_parent->names[to] = inode;
  AddPending(Change{from_parent, from, to_parent, to, inode});
}

void SimNamespace::AddPending(Change change) {
  const uint64_t number = next_change_++;
  if (change.from != nullptr) change.from->changes[change.from_name].insert(number);
  if (change.to != nullptr) change.to->changes[change.to_name].insert(number);
  pending_.emplace(number, std::move(change));
}

void SimNamespace::MakeDurable(const Change& change) {
  if (change.from != nullptr) change.from->durable.erase(change.from_name);
  if (change.to != nullptr) change.to->durable[change.to_name] = change.inode;
}

void SimNamespace::SyncDirectory(const InodePtr& directory) {
  // A change that becomes durable takes along the earlier ones to the same names: a rename cannot
  // be on disk while the creation it followed is still to come. Each looks only for the one right
  // before it, which looks for those before that: what is pending elsewhere, for ever where nothing
  // is synced, costs nothing.
  std::set<uint64_t> taken;
  std::vector<uint64_t> todo;
  auto take = [&](uint64_t number) {
    if (taken.insert(number).second) todo.push_back(number);
  };
  auto take_before = [&](const InodePtr& folder, const std::string& name, uint64_t number) {
    if (folder == nullptr) return;
    const std::set<uint64_t>& numbers = folder->changes.at(name);
    auto at = numbers.find(number);
    if (at != numbers.begin()) take(*std::prev(at));
  };
  for (const auto& [name, numbers] : directory->changes) {
    for (const uint64_t number : numbers) take(number);
  }
  while (!todo.empty()) {
    const uint64_t number = todo.back();
    todo.pop_back();
    const Change& change = pending_.at(number);
    take_before(change.from, change.from_name, number);
    take_before(change.to, change.to_name, number);
  }
  auto forget = [](const InodePtr& folder, const std::string& name, uint64_t number) {
    if (folder == nullptr) return;
    auto numbers = folder->changes.find(name);
    numbers->second.erase(number);
    if (numbers->second.empty()) folder->changes.erase(numbers);
  };
  for (const uint64_t number : taken) {
    const auto change = pending_.extract(number);
    MakeDurable(change.mapped());
    forget(change.mapped().from, change.mapped().from_name, number);
    forget(change.mapped().to, change.mapped().to_name, number);
  }
}

void SimNamespace::ForgetPending() {
  for (const auto& [number, change] : pending_) {
    if (change.from != nullptr) change.from->changes.clear();
    if (change.to != nullptr) change.to->changes.clear();
  }
  pending_.clear();
}

template <typename CrashFile>
void SimNamespace::CrashTree(SimInode& directory, const CrashFile& crash_file) {
  directory.names = directory.durable;
  for (auto& [name, inode] : directory.names) {
    if (inode->is_directory) {
      CrashTree(*inode, crash_file);
    } else {
      crash_file(inode->content);
    }
  }
}

void SimNamespace::Crash(CrashModel model, Random& random) {
  for (const auto& [number, change] : pending_) {
    if (model == CrashModel::kRandom && random.Chance(1, 2)) MakeDurable(change);
  }
  ForgetPending();
  CrashTree(*root_, [&](SimFileContent& content) { content.Crash(model, random); });
}

void SimNamespace::Crash(CrashChooser& chooser) {
  for (const auto& [number, change] : pending_) {
    if (chooser.Choose(2) == 1) MakeDurable(change);
  }
  ForgetPending();
  CrashTree(*root_, [&](SimFileContent& content) { content.Crash(chooser); });
}

SimNamespace SimNamespace::Copy() const {
  SimNamespace copy;
  std::vector<std::pair<const SimInode*, SimInode*>> todo = {{root_.get(), copy.root_.get()}};
  while (!todo.empty()) {
    const auto [from, to] = todo.back();
    todo.pop_back();
    to->content.Append(from->content.bytes());
    to->content.Sync();
    for (const auto& [name, child] : from->names) {
      const InodePtr made = std::make_shared<SimInode>(child->is_directory);
      to->names[name] = to->durable[name] = made;
      todo.emplace_back(child.get(), made.get());
    }
  }
  return copy;
}

int64_t SimNamespace::TotalBytes() const {
  int64_t total = 0;
  std::vector<const SimInode*> todo = {root_.get()};
  while (!todo.empty()) {
    const SimInode* inode = todo.back();
    todo.pop_back();
    total += inode->content.size_bytes();
    for (const auto& [name, child] : inode->names) todo.push_back(child.get());
  }
  return total;
}

}  // namespace soliton::sim

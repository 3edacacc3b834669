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
  pending_.push_back(Change{nullptr, "", parent, name, inode});
  return inode;
}

void SimNamespace::Unlink(const InodePtr& parent, const std::string& name) {
  parent->names.erase(name);
  pending_.push_back(Change{parent, name, nullptr, "", nullptr});
}

void SimNamespace::Rename(const InodePtr& from_parent, const std::string& from,
                          const InodePtr& to_parent, const std::string& to) {
  if (from_parent == to_parent && from == to) return;
  InodePtr inode = from_parent->names.at(from);
  from_parent->names.erase(from);
  to_parent->names[to] = inode;
  pending_.push_back(Change{from_parent, from, to_parent, to, inode});
}

bool SimNamespace::Change::SharesNameWith(const Change& other) const {
  auto shares = [&](const InodePtr& directory, const std::string& name) {
    return directory != nullptr && ((directory == other.from && name == other.from_name) ||
                                    (directory == other.to && name == other.to_name));
  };
  return shares(from, from_name) || shares(to, to_name);
}

void SimNamespace::MakeDurable(const Change& change) {
  if (change.from != nullptr) change.from->durable.erase(change.from_name);
  if (change.to != nullptr) change.to->durable[change.to_name] = change.inode;
}

void SimNamespace::SyncDirectory(const InodePtr& directory) {
  // A change that becomes durable takes along the earlier ones to the same names: a rename cannot
  // be on disk while the creation it followed is still to come.
  std::vector<bool> taken(pending_.size());
  for (size_t i = pending_.size(); i-- > 0;) {
    taken[i] = pending_[i].Touches(directory.get());
    for (size_t j = i + 1; j < pending_.size() && !taken[i]; ++j) {
      taken[i] = taken[j] && pending_[i].SharesNameWith(pending_[j]);
    }
  }
  std::vector<Change> rest;
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (taken[i]) {
      MakeDurable(pending_[i]);
    } else {
      rest.push_back(std::move(pending_[i]));
    }
  }
  pending_ = std::move(rest);
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
  for (const Change& change : pending_) {
    if (model == CrashModel::kRandom && random.Chance(1, 2)) MakeDurable(change);
  }
  pending_.clear();
  CrashTree(*root_, [&](SimFileContent& content) { content.Crash(model, random); });
}

void SimNamespace::Crash(CrashChooser& chooser) {
  for (const Change& change : pending_) {
    if (chooser.Choose(2) == 1) MakeDurable(change);
  }
  pending_.clear();
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

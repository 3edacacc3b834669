// Which partition may use a folder. Folders carry the topic's name (Kafka's layout), so a topic
// that was deleted and created again wants the folder of a different partition, which perhaps
// another shard still flushes or removes (KAFKA-14616 and relatives). A folder has one holder at a
// time; the next one waits. Lives on shard 0.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/loop/shard.h"

namespace soliton::broker {

class FolderClaims {
 public:
  // `granted` runs once the folder is the caller's: inside this call when it is free.
  void Claim(const std::string& folder, Task granted) {
    auto [held, is_new] = waiting_.try_emplace(folder);
    if (is_new) return granted();
    held->second.push_back(std::move(granted));
  }
  // Nothing of the holder touches the folder any more.
  void Release(const std::string& folder) {
    auto held = waiting_.find(folder);
    CHECK(held != waiting_.end(), "{} was not claimed", folder);
    if (held->second.empty()) {
      waiting_.erase(held);
      return;
    }
    Task next = std::move(held->second.front());
    held->second.pop_front();
    next();
  }

 private:
  std::map<std::string, std::deque<Task>> waiting_;  // by held folder
};

}  // namespace soliton::broker

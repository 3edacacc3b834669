// Those who wait for a controller to prove that it leads: a heartbeat that asks for it is answered
// behind a commit, and they are told when everything that was committed by then is applied. One
// owner.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/loop/shard.h"

namespace soliton::controller {

class LeaderConfirmations {
 public:
  void Add(Task confirmed) { waiting_.push_back(std::move(confirmed)); }
  // A heartbeat goes out. True: it has to ask.
  bool OnSent() {
    for (Task& task : std::exchange(waiting_, {})) asked_.push_back(std::move(task));
    return !asked_.empty();
  }
  // It was answered, when everything below `committed_end` was committed.
  void OnAnswered(int64_t committed_end, int64_t applied_offset) {
    for (Task& task : std::exchange(asked_, {})) {
      answered_.push_back({committed_end, std::move(task)});
    }
    OnApplied(applied_offset);
  }
  void OnApplied(int64_t offset) {
    std::vector<Task> due;
    std::erase_if(answered_, [&](Answered& each) {
      if (each.committed_end > offset + 1) return false;
      due.push_back(std::move(each.task));
      return true;
    });
    for (Task& task : due) task();
  }
  // The line is gone: they have to be asked for again.
  void OnLost() {
    for (Task& task : asked_) waiting_.push_back(std::move(task));
    asked_.clear();
    for (Answered& each : answered_) waiting_.push_back(std::move(each.task));
    answered_.clear();
  }

 private:
  struct Answered {
    int64_t committed_end = 0;
    Task task;
  };
  std::vector<Task> waiting_;
  std::vector<Task> asked_;
  std::vector<Answered> answered_;
};

}  // namespace soliton::controller

#include "runtime/base/reach.h"

namespace soliton {
namespace {

// Filled while the program starts, by one thread.
ReachMark*& First() {
  static ReachMark* first = nullptr;
  return first;
}

}  // namespace

ReachMark::ReachMark(const char* name) : name_(name), next_(First()) { First() = this; }

std::map<std::string, uint64_t> ReachMark::Counts() {
  std::map<std::string, uint64_t> counts;
  for (const ReachMark* mark = First(); mark != nullptr; mark = mark->next_) {
    counts[mark->name_] += mark->count_.load(std::memory_order_relaxed);
  }
  return counts;
}

}  // namespace soliton

// Marks of rare states, counted, so that a run of many tests or simulated seeds can prove that it
// got there:
//
//   SOMETIMES("a torn tail was cut");
//
// For rare paths only: a mark is one relaxed atomic addition. Every mark that is linked into a
// program is known to it from the start, reached or not. Any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace soliton {

class ReachMark {
 public:
  explicit ReachMark(const char* name);
  ReachMark(const ReachMark&) = delete;
  ReachMark& operator=(const ReachMark&) = delete;

  void Hit() { count_.fetch_add(1, std::memory_order_relaxed); }
  // How often each mark of this program was reached so far, by name.
  static std::map<std::string, uint64_t> Counts();

 private:
  const char* name_;
  std::atomic<uint64_t> count_{0};
  ReachMark* next_;
};

template <size_t kSize>
struct MarkName {
  consteval MarkName(const char (&text)[kSize]) { std::copy_n(text, kSize, chars); }  // NOLINT
  char chars[kSize] = {};
};

template <MarkName kName>
inline ReachMark reach_mark{kName.chars};

}  // namespace soliton

#define SOMETIMES(name) ::soliton::reach_mark<name>.Hit()

// Knows when everything that was sent before a flush has ended. Records are counted per generation;
// a flush closes the current one. Pure; one owner.
#pragma once

#include <cstdint>
#include <map>

namespace soliton::producer {

class FlushTracker {
 public:
  // The generation of records that are sent now. Starts at 1.
  uint64_t current() const { return current_; }
  void Started(uint64_t generation, int64_t records = 1) { open_[generation] += records; }
  void Ended(uint64_t generation, int64_t records = 1) {
    const auto it = open_.find(generation);
    if ((it->second -= records) == 0) open_.erase(it);
  }
  // Later records belong to a new generation; returns the one that was closed.
  uint64_t Close() { return current_++; }
  // Whether all records up to and including `generation` have ended.
  bool Done(uint64_t generation) const {
    return open_.empty() || open_.begin()->first > generation;
  }

 private:
  uint64_t current_ = 1;
  std::map<uint64_t, int64_t> open_;
};

}  // namespace soliton::producer

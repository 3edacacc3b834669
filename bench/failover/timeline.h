// Acknowledged records per 100 ms, and the line of bars that shows them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/loop/clock.h"

namespace soliton::bench {

class Timeline {
 public:
  explicit Timeline(MonotonicTime start, Duration bucket = milliseconds(100))
      : start_(start), bucket_(bucket) {}

  void Add(MonotonicTime when, int64_t count);
  // Records per second in [from, to), 0 when that is empty.
  double Rate(MonotonicTime from, MonotonicTime to) const;
  // Buckets up to `now`; the one that is still filling is left out.
  std::vector<int64_t> CompleteBuckets(MonotonicTime now) const;
  Duration bucket() const { return bucket_; }
  MonotonicTime start() const { return start_; }

 private:
  MonotonicTime start_;
  Duration bucket_;
  std::vector<int64_t> counts_;
};

// The last `width` values as bars of eighths, scaled to `full`; zero is a low dot so that an outage
// shows.
std::string Bars(const std::vector<int64_t>& values, size_t width, int64_t full);

}  // namespace soliton::bench

// Latencies counted in buckets of about 3 % width (32 per power of two), so that recording one
// costs an increment, whatever their range. Pure; one owner.
#pragma once

#include <array>
#include <cstdint>

#include "runtime/loop/clock.h"

namespace soliton::bench {

class LatencyHistogram {
 public:
  // Negative counts as zero.
  void Add(Duration latency, int64_t count = 1);
  void Merge(const LatencyHistogram& other);

  int64_t count() const { return count_; }
  Duration max() const { return Duration(max_ns_); }
  // The smallest bucket edge that `percent` (0 to 100) of the latencies do not exceed, and never
  // more than max(). Zero when empty.
  Duration Percentile(double percent) const;
  // Calls `visit(latency, count)` for every bucket that holds something, with its upper edge, and
  // max() for the last. Adding these to an empty histogram gives the same one.
  template <class Visit>
  void ForEach(Visit visit) const {
    int64_t left = count_;
    for (size_t bucket = 0; left > 0; ++bucket) {
      if (buckets_[bucket] == 0) continue;
      left -= buckets_[bucket];
      visit(Duration(left == 0 ? max_ns_ : UpperEdgeNs(bucket)), buckets_[bucket]);
    }
  }

 private:
  static constexpr int kSubBucketBits = 5;
  static constexpr int64_t kSubBuckets = int64_t{1} << kSubBucketBits;

  static size_t BucketOf(int64_t ns);
  static int64_t UpperEdgeNs(size_t bucket);

  std::array<int64_t, static_cast<size_t>(kSubBuckets) * (64 - kSubBucketBits)> buckets_{};
  int64_t count_ = 0;
  int64_t max_ns_ = 0;
};

}  // namespace soliton::bench

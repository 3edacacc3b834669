#include "bench/load/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace soliton::bench {

// Below kSubBuckets every value has its bucket; above, the leading bit picks a group and the next
// kSubBucketBits bits the place in it.
size_t LatencyHistogram::BucketOf(int64_t ns) {
  const auto value = static_cast<uint64_t>(ns);
  if (ns < kSubBuckets) return static_cast<size_t>(value);
  const int shift = std::bit_width(value) - 1 - kSubBucketBits;
  const auto group = static_cast<size_t>(shift + 1);
  const auto place = static_cast<size_t>(value >> shift) - static_cast<size_t>(kSubBuckets);
  return group * static_cast<size_t>(kSubBuckets) + place;
}

int64_t LatencyHistogram::UpperEdgeNs(size_t bucket) {
  const auto group = static_cast<int64_t>(bucket) / kSubBuckets;
  const auto place = static_cast<int64_t>(bucket) % kSubBuckets;
  if (group == 0) return place;
  return ((place + kSubBuckets + 1) << (group - 1)) - 1;
}

void LatencyHistogram::Add(Duration latency, int64_t count) {
  if (count <= 0) return;
  const int64_t ns = std::max<int64_t>(0, latency.count());
  buckets_[BucketOf(ns)] += count;
  count_ += count;
  max_ns_ = std::max(max_ns_, ns);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    buckets_[bucket] += other.buckets_[bucket];
  }
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

Duration LatencyHistogram::Percentile(double percent) const {
  if (count_ == 0) return Duration::zero();
  const auto wanted = std::max<int64_t>(
      1, static_cast<int64_t>(std::ceil(percent / 100 * static_cast<double>(count_))));
  int64_t seen = 0;
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted) return Duration(std::min(UpperEdgeNs(bucket), max_ns_));
  }
  return max();
}

}  // namespace soliton::bench

#include "bench/failover/timeline.h"

#include <algorithm>

namespace soliton::bench {

void Timeline::Add(MonotonicTime when, int64_t count) {
  const auto index = static_cast<size_t>(std::max<int64_t>(0, (when - start_) / bucket_));
  if (counts_.size() <= index) counts_.resize(index + 1);
  counts_[index] += count;
}

double Timeline::Rate(MonotonicTime from, MonotonicTime to) const {
  int64_t total = 0;
  int64_t buckets = 0;
  for (int64_t i = std::max<int64_t>(0, (from - start_) / bucket_);
       start_ + (i + 1) * bucket_ <= to; ++i) {
    ++buckets;
    if (i < static_cast<int64_t>(counts_.size())) total += counts_[static_cast<size_t>(i)];
  }
  if (buckets == 0) return 0;
  return static_cast<double>(total) / std::chrono::duration<double>(bucket_ * buckets).count();
}

std::vector<int64_t> Timeline::CompleteBuckets(MonotonicTime now) const {
  const auto complete = static_cast<size_t>(std::max<int64_t>(0, (now - start_) / bucket_));
  std::vector<int64_t> values = counts_;
  values.resize(complete);
  return values;
}

std::string Bars(const std::vector<int64_t>& values, size_t width, int64_t full) {
  static constexpr const char* kLevels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string bars;
  const size_t first = values.size() > width ? values.size() - width : 0;
  for (size_t i = first; i < values.size(); ++i) {
    if (values[i] <= 0) {
      bars += "·";
      continue;
    }
    const int64_t level = full <= 0 ? 7 : values[i] * 8 / full;
    bars += kLevels[std::clamp<int64_t>(level, 0, 7)];
  }
  return bars;
}

}  // namespace soliton::bench

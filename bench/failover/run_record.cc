#include "bench/failover/run_record.h"

#include <algorithm>
#include <numeric>

namespace soliton::bench {

bool RunRecord::ok() const {
  return verdict.ok(exactly_once) && verdict.failed == 0 &&
         (!rejoin_expected || rejoined_after.has_value()) &&
         std::all_of(outages.begin(), outages.end(),
                     [](const PartitionOutage& outage) { return outage.last_ack && outage.ended; });
}

std::optional<Duration> RunRecord::WorstOutage(bool led) const {
  std::optional<Duration> worst;
  for (const PartitionOutage& outage : outages) {
    const std::optional<Duration> length = outage.length();
    if (outage.led_by_victim != led || !length) continue;
    worst = std::max(worst.value_or(Duration::zero()), *length);
  }
  return worst;
}

std::optional<Duration> RunRecord::BackToSpeed() const {
  constexpr size_t kWindow = milliseconds(100) / kBucket;
  if (!fault_at) return std::nullopt;
  const double enough =
      before.acked_per_second() * std::chrono::duration<double>(kBucket * kWindow).count() * 0.95;
  const auto window = [&](size_t at) {
    return static_cast<double>(std::accumulate(acked.begin() + static_cast<ptrdiff_t>(at),
                                               acked.begin() + static_cast<ptrdiff_t>(at + kWindow),
                                               int64_t{0}));
  };
  bool fell = false;
  for (auto at = static_cast<size_t>(*fault_at / kBucket); at + kWindow <= acked.size(); ++at) {
    const bool below = window(at) < enough;
    fell = fell || below;
    if (fell && !below) {
      return std::max(Duration::zero(), kBucket * static_cast<int64_t>(at) - *fault_at);
    }
    // A dip that begins more than a second later has another cause.
    if (!fell && kBucket * static_cast<int64_t>(at) > *fault_at + seconds(1)) break;
  }
  if (fell) return std::nullopt;
  return Duration::zero();
}

}  // namespace soliton::bench

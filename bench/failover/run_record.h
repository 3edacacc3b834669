// Everything that is kept of one run: the raw data behind all reports. Times are those of the load,
// which begins at zero. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/failover/ledger.h"
#include "bench/failover/outage.h"
#include "bench/load/latency_histogram.h"
#include "runtime/loop/clock.h"

namespace soliton::bench {

inline constexpr Duration kBucket = milliseconds(10);

struct RunEvent {
  Duration at{};
  std::string text;
};

// Records that were due in [from, to), and their latency from then until their acknowledgement.
// Those that were due before the fault and were still on their way then count as due during it.
struct PhaseFigures {
  Duration from{};
  Duration to{};
  int64_t due = 0;    // records
  int64_t acked = 0;  // acknowledgements that came in this time, of whichever records
  LatencyHistogram latency;

  double acked_per_second() const {
    return to <= from
               ? 0
               : static_cast<double>(acked) / std::chrono::duration<double>(to - from).count();
  }
};

struct RunRecord {
  int32_t number = 1;
  bool exactly_once = true;  // the client was asked for idempotence
  int32_t victim = -1;       // -1: nothing was broken
  bool victim_led_quorum = false;
  int32_t led_by_victim = 0;  // partitions of the topic
  int32_t partitions = 0;
  std::optional<Duration> fault_at;
  std::optional<Duration> mended_at;  // when mending was ordered
  Duration load_end{};
  bool rejoin_expected = false;
  std::optional<Duration> rejoined_after;  // from mended_at until every in-sync set was full
  // From the fault until a broker named another quorum leader; only where the victim was it.
  std::optional<Duration> quorum_elected_after;
  std::vector<RunEvent> events;
  Verdict verdict;
  std::string first_failure;  // of a record, as the client worded it; empty: none failed

  std::vector<int64_t> acked;     // per kBucket, by the time of acknowledgement
  std::vector<int64_t> worst_us;  // per kBucket, by the time due: the slowest record's latency
  // Without a fault everything is `before`.
  PhaseFigures before;
  PhaseFigures during;
  PhaseFigures after;
  Duration usual_pause{};  // between acknowledgements of a partition, before the fault
  std::vector<PartitionOutage> outages;  // one per partition; empty without a fault

  // Nothing acknowledged was lost, with idempotence duplicated or reordered, no record failed,
  // every partition took writes again and the victim is back in all in-sync sets.
  bool ok() const;
  // The longest outage of the partitions that the victim led, or of the others. nullopt: none.
  std::optional<Duration> WorstOutage(bool led_by_victim) const;
  // From the fault until 100 ms hold 95 % of the rate before it again; zero when it never fell
  // below that, nullopt when it never came back.
  std::optional<Duration> BackToSpeed() const;
};

}  // namespace soliton::bench

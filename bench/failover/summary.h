// What many runs come to: spreads over runs and partitions, and the text that says so. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/failover/failover_data.h"

namespace soliton::bench {

// Of a handful of measurements; percentiles by nearest rank, so each is one that was measured.
struct Spread {
  int64_t count = 0;
  Duration median{};
  Duration p90{};
  Duration p95{};
  Duration worst{};
};
// Zero counts when empty.
Spread SpreadOf(std::vector<Duration> values);

struct FailoverSummary {
  Spread hit;       // outage of every partition that the victim led, in every run
  Spread hit_runs;  // the longest of each run
  Spread followed;  // the longest pause, per run, of the partitions that it only followed
  // Of the outages that could be split.
  Spread detection;
  Spread election;
  Spread propagation;
  Spread client;
  Spread quorum_elected;
  Spread back_to_speed;
  int64_t never_back_to_speed = 0;  // runs
  Spread rejoined;
  Duration usual_pause{};  // median of the runs
  double rate_before = 0;  // acknowledged records per second, mean of the runs
  double rate_during = 0;
  double rate_after = 0;
  LatencyHistogram latency_before;
  LatencyHistogram latency_during;
  LatencyHistogram latency_after;
  Verdict verdict;  // sums
  int64_t runs_not_ok = 0;
  int64_t outages_not_ended = 0;  // partitions
};

FailoverSummary Summarize(const FailoverData& data);

// The block that stays on the terminal; lines end with a newline.
std::string SummaryText(const FailoverData& data);

// "36.2 ms", "236 ms", "1.25 s".
std::string FormatMs(Duration duration);
// "4,800,000".
std::string FormatCount(int64_t value);

}  // namespace soliton::bench

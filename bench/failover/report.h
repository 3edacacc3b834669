// The figures of a failover run and the text that shows them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/failover/ledger.h"
#include "runtime/loop/clock.h"

namespace soliton::bench {

struct PartitionOutage {
  int32_t partition = -1;
  bool led_by_victim = false;
  std::optional<Duration> silence;  // longest time without an acknowledgement after the fault
};

struct FailoverReport {
  Verdict verdict;
  int32_t victim = -1;  // -1: no fault
  int32_t led_by_victim = 0;
  int32_t partitions = 0;
  std::vector<PartitionOutage> outages;
  double rate_before = 0;  // acknowledged records per second
  double rate_during = 0;  // from the fault until recovery was ordered
  double rate_after = 0;
  std::optional<Duration> rejoined_after;  // from the recovery order to the full ISR
  bool rejoin_expected = false;

  // Nothing acknowledged was lost, duplicated or reordered, nothing failed to be read, and the
  // victim is back.
  bool ok() const;
  std::string ToText() const;
  std::string ToJson() const;
};

// "236 ms", "1.25 s".
std::string FormatMs(Duration duration);

}  // namespace soliton::bench

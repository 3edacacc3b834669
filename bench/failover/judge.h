// Makes the figures of a run from its ledger and what was seen meanwhile. Pure.
#pragma once

#include <optional>
#include <set>

#include "bench/failover/ledger.h"
#include "bench/failover/outage.h"
#include "bench/failover/run_record.h"

namespace soliton::bench {

struct RunTimes {
  MonotonicTime start;
  Duration warm_up{};
  int64_t records_per_second = 1;
  std::optional<MonotonicTime> fault;
  // Until here pauses are put down to the fault: when mending began, or the load's end.
  MonotonicTime fault_end;
  MonotonicTime load_end;
  MonotonicTime drained;  // nothing can be acknowledged any more
};

// When the `index`th record (from 0) of a load is due.
MonotonicTime DueAt(const RunTimes& times, int64_t index);

// Fills buckets, phases, outages, the usual pause and the verdict of `record`. Records went to the
// ledger's partitions in turn. `led` are the partitions that count as hit; `history` may be null.
void JudgeRun(const Ledger& ledger, const RunTimes& times, const std::set<int32_t>& led,
              const LeaderHistory* history, RunRecord& record);

}  // namespace soliton::bench

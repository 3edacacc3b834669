#include "bench/failover/judge.h"

#include <algorithm>

namespace soliton::bench {
namespace {

constexpr Duration kShortestDuring = milliseconds(100);

void Count(std::vector<int64_t>& buckets, Duration at, int64_t count) {
  const auto index = static_cast<size_t>(std::max<int64_t>(0, at / kBucket));
  if (buckets.size() <= index) buckets.resize(index + 1);
  buckets[index] += count;
}

void Raise(std::vector<int64_t>& buckets, Duration at, int64_t value) {
  const auto index = static_cast<size_t>(std::max<int64_t>(0, at / kBucket));
  if (buckets.size() <= index) buckets.resize(index + 1);
  buckets[index] = std::max(buckets[index], value);
}

void FindOutages(const Ledger& ledger, const RunTimes& times, const std::set<int32_t>& led,
                 const LeaderHistory* history, RunRecord& record) {
  for (int32_t partition = 0; partition < ledger.partitions(); ++partition) {
    PartitionOutage outage;
    outage.partition = partition;
    outage.led_by_victim = led.contains(partition);
    const auto pause = ledger.LongestPause(partition, *times.fault, times.fault_end, times.drained);
    if (!pause) {
      outage.ended = false;
    } else {
      outage.last_ack = pause->last_ack - times.start;
      outage.first_ack = pause->first_ack - times.start;
      // The load's own end is no outage.
      outage.ended = pause->ended || pause->last_ack >= times.load_end - kShortestDuring;
      if (history != nullptr && outage.led_by_victim) {
        outage.parts = SplitOutage(*outage.last_ack, outage.first_ack, history->Of(partition));
      }
    }
    record.outages.push_back(outage);
  }
}

}  // namespace

MonotonicTime DueAt(const RunTimes& times, int64_t index) {
  // In two steps, so that a long load at a high rate does not overflow.
  const int64_t rate = times.records_per_second;
  return times.start + seconds(index / rate) +
         Duration(index % rate * Duration(seconds(1)).count() / rate);
}

void JudgeRun(const Ledger& ledger, const RunTimes& times, const std::set<int32_t>& led,
              const LeaderHistory* history, RunRecord& record) {
  record.verdict = ledger.Judge();
  record.partitions = ledger.partitions();
  record.load_end = times.load_end - times.start;
  Duration restored = record.load_end;
  if (times.fault) {
    record.fault_at = *times.fault - times.start;
    record.usual_pause = ledger.UsualPause(times.start + times.warm_up, *times.fault);
    FindOutages(ledger, times, led, history, record);
    restored = *record.fault_at + kShortestDuring;
    for (const PartitionOutage& outage : record.outages) {
      if (outage.led_by_victim) restored = std::max(restored, outage.first_ack);
    }
    restored = std::min(restored, record.load_end);
  }
  record.before.from = times.warm_up;
  record.before.to = record.fault_at.value_or(record.load_end);
  if (times.fault) {
    record.during.from = *record.fault_at;
    record.during.to = restored;
    record.after.from = restored;
    record.after.to = record.load_end;
  }
  const auto phase_at = [&](Duration at) -> PhaseFigures* {
    for (PhaseFigures* phase : {&record.before, &record.during, &record.after}) {
      if (at >= phase->from && at < phase->to) return phase;
    }
    return nullptr;
  };
  for (int32_t partition = 0; partition < ledger.partitions(); ++partition) {
    for (int64_t sequence = 0; sequence < ledger.sent(partition); ++sequence) {
      const Duration due = DueAt(times, sequence * ledger.partitions() + partition) - times.start;
      PhaseFigures* due_in = phase_at(due);
      const auto acked_at = ledger.AckedAt(partition, sequence);
      // What the fault caught on its way belongs to it.
      if (times.fault && due_in == &record.before && (!acked_at || *acked_at > *times.fault)) {
        due_in = &record.during;
      }
      if (due_in != nullptr) ++due_in->due;
      if (!acked_at) continue;
      const Duration acked = *acked_at - times.start;
      const Duration latency = acked - due;
      Count(record.acked, acked, 1);
      Raise(record.worst_us, due,
            std::chrono::duration_cast<std::chrono::microseconds>(latency).count());
      if (due_in != nullptr) due_in->latency.Add(latency);
      if (PhaseFigures* acked_in = phase_at(acked)) ++acked_in->acked;
    }
  }
}

}  // namespace soliton::bench

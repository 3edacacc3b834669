// When and what a shard fetches from one leader broker, pure.
//
// Normally one Fetch is parked at the leader at any time. A second one goes out early when the list
// of partitions changed (a new leader, a retry that is due): the leader answers the parked one as
// soon as the later one arrives. With durability=flush a *report* goes out besides when local logs
// were flushed while a Fetch is parked: it asks for no data and tells the new flushed offsets, so
// the leader's high watermark need not wait for the next data. Answers of reports queue up behind
// the parked Fetch; when too many do, a Fetch goes out instead and releases it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "broker/partition/topic_partition.h"
#include "runtime/loop/clock.h"

namespace soliton::broker {

// How long after a fetch of so many partitions the next one follows. Each costs both sides work for
// every partition that it names, and the more there are the more often one of them has news: beyond
// a few hundred that would be all that they do.
Duration PaceOf(size_t partitions);

class FetcherCore {
 public:
  // Partition follows this leader (again), now.
  void Add(const TopicPartition& id);
  void Remove(const TopicPartition& id);
  bool empty() const { return retry_at_.empty(); }
  bool Contains(const TopicPartition& id) const { return retry_at_.contains(id); }

  // Partitions of the Fetch to send now; empty when none is due. Begins where the last one did not:
  // a leader that fills its answer from the front must not starve those at the back. The caller
  // sends it and reports back with OnFetchDone.
  std::vector<TopicPartition> StartFetch(MonotonicTime now);
  void OnFetchDone();
  // Not before `until`: the leader could not serve it.
  void Delay(const TopicPartition& id, MonotonicTime until);
  // When StartFetch should be tried again without any other event; nullopt when nothing waits for
  // time.
  std::optional<MonotonicTime> NextRetry() const;

  // A local log was flushed.
  void OnFlushed(const TopicPartition& id);
  // Partitions of the report to send now; empty when the next Fetch will say it anyway or a report
  // is under way.
  std::vector<TopicPartition> StartReport();
  void OnReportDone();

  // The connection is gone: nothing is in flight any more.
  void OnDisconnected();

 private:
  std::map<TopicPartition, MonotonicTime> retry_at_;
  std::set<TopicPartition> flushed_;
  // Due partitions that no Fetch in flight covers.
  std::set<TopicPartition> uncovered_;
  int fetches_in_flight_ = 0;
  int reports_in_flight_ = 0;
  std::optional<TopicPartition> first_;  // of the last Fetch
};

}  // namespace soliton::broker

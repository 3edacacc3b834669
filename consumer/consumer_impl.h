// The consumer's shell: performs what FetcherCore decides over the cluster client, buffers the
// batches that arrive, and decodes them when they are polled. Owned by one shard. Private to
// consumer/.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "consumer/consumer.h"
#include "consumer/fetch_wire.h"
#include "runtime/loop/owner.h"

namespace soliton::consumer {

class Consumer::Impl : public std::enable_shared_from_this<Consumer::Impl> {
 public:
  Impl(Transport& transport, Shard& shard, ConsumerOptions options);

  void Start();
  void Abandon();
  void Assign(const std::vector<std::pair<TopicPartition, StartPosition>>& partitions);
  void Seek(const TopicPartition& partition, const StartPosition& position);
  void SetPaused(const TopicPartition& partition, bool paused);
  std::vector<RecordSet> Poll(int max_sets);
  std::optional<int64_t> Position(const TopicPartition& partition) const;
  std::optional<int64_t> HighWatermark(const TopicPartition& partition) const;

  std::function<void()> on_ready_;
  std::function<void(const ConsumerEvent&)> on_event_;
  kafka::ClusterClient& cluster() { return cluster_; }
  OffsetLookup& offsets() { return offsets_; }
  ConsumerStats stats() const { return stats_; }

 private:
  // Batches of one answer that wait for Poll.
  struct Arrived {
    std::deque<kafka::RecordBatchView> batches;
    std::vector<AbortedTransaction> aborted;
    bool begun = false;
  };
  struct Partition {
    TopicPartition name;
    BatchReader reader;
    std::deque<Arrived> arrived;
    std::optional<int64_t> position;  // what Poll returns next
    uint64_t seek_generation = 0;     // a lookup that was overtaken by a seek does not count
    bool removed = false;
  };

  Partition* Find(const TopicPartition& name);
  const Partition* Find(const TopicPartition& name) const;
  void SeekIndex(PartitionIndex index, const StartPosition& position);
  void MoveTo(PartitionIndex index, int64_t offset, int32_t leader_epoch);
  void LookUp(PartitionIndex index, int64_t timestamp_ms);
  // The next batch of a partition with records in it; nullopt when none is left.
  std::optional<RecordSet> NextSet(PartitionIndex index);
  void DropArrivedFrom(PartitionIndex index, int64_t offset);

  void SchedulePump();
  void Pump();
  void SendFetch(FetchPlan plan);
  void OnFetchResponse(const FetchPlan& plan, absl::StatusOr<kafka::FetchResponse> response);
  void TakeAnswer(const FetchPlan& plan, FetchAnswer answer, MonotonicTime now);
  void OnMetadata();
  void RunEvents();
  void ScheduleReady();
  void ArmTimer(MonotonicTime now);

  Owner owner_;
  const ConsumerOptions options_;
  kafka::ClusterClient cluster_;
  OffsetLookup offsets_;
  FetcherCore fetcher_;
  std::vector<Partition> partitions_;  // by PartitionIndex
  std::vector<TopicPartition> names_;  // the same, as BuildFetch wants them
  std::map<TopicPartition, PartitionIndex> indices_;
  PartitionIndex poll_cursor_ = 0;
  TimerId timer_ = 0;
  bool pump_scheduled_ = false;
  bool ready_scheduled_ = false;
  bool abandoned_ = false;
  ConsumerStats stats_;
};

}  // namespace soliton::consumer

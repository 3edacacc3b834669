// The producer's shell: carries records through router, accumulator and sender, performs what they
// decide over the cluster client, and runs callbacks. Owned by one shard. Private to producer/.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "producer/flush_tracker.h"
#include "producer/produce_wire.h"
#include "producer/producer.h"
#include "producer/sender_core.h"
#include "producer/topic_router.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/session/backoff.h"
#include "protocol/session/cluster_client.h"
#include "runtime/loop/owner.h"

namespace soliton::producer {

class Producer::Impl : public std::enable_shared_from_this<Producer::Impl> {
 public:
  Impl(Transport& transport, Shard& shard, ProducerOptions options);

  void Start();
  absl::Status Send(ProducerRecord record, SendCallback callback);
  void OnWritable(absl::AnyInvocable<void()> callback);
  void Flush(absl::AnyInvocable<void()> done);
  void Close(absl::AnyInvocable<void()> done);
  // No callback runs any more.
  void Abandon();
  ProducerStats stats() const;
  kafka::ClusterClient& cluster() { return cluster_; }

 private:
  // Hands a routed record to the accumulator; true when something may have become ready.
  bool Accumulate(PendingRecord pending, int32_t partition);
  void RouteOrFail(PendingRecord pending);
  PartitionIndex IndexOf(const PartitionName& name);

  void SchedulePump();
  // Moves everything as far as it goes now: the only place where the cores are asked what to do.
  void Pump();
  void AdmitBatches(MonotonicTime now);
  void SendRequests(MonotonicTime now);
  void SendRequest(SendPlan plan);
  void OnProduceResponse(const SendPlan& plan, absl::StatusOr<kafka::ProduceResponse> response);
  void FetchProducerId();
  void OnProducerId(absl::StatusOr<kafka::InitProducerIdResponse> response);
  void ExpireUnsent(MonotonicTime now);
  // Nothing can be sent any more: fails what there is, and Send from now on.
  void Break(kafka::ErrorCode error, const std::string& message);
  void OnMetadata();

  void RunCompletions();
  // Ends a record: counters, memory, flushes, callback.
  void EndRecord(SendCallback& callback, const absl::StatusOr<RecordMetadata>& result);
  void FailBatch(ProducerBatch& batch, const absl::Status& why);
  void NotifyWaiters();
  void ArmTimer(MonotonicTime now);

  Owner owner_;
  const ProducerOptions options_;
  kafka::ClusterClient cluster_;
  TopicRouter router_;
  AccumulatorCore accumulator_;
  SenderCore sender_;
  FlushTracker flushes_;

  std::map<PartitionName, PartitionIndex> indices_;
  std::vector<PartitionName> names_;                           // by PartitionIndex
  std::map<BatchId, std::unique_ptr<ProducerBatch>> batches_;  // admitted to the sender
  struct FlushWaiter {
    uint64_t generation;
    absl::AnyInvocable<void()> done;
  };
  std::vector<FlushWaiter> flush_waiters_;
  std::vector<absl::AnyInvocable<void()>> writable_waiters_;
  kafka::Backoff id_backoff_;
  bool id_in_flight_ = false;
  TimerId id_timer_ = 0;
  TimerId timer_ = 0;
  bool pump_scheduled_ = false;
  bool closed_ = false;
  absl::Status broken_;
  bool abandoned_ = false;
  ProducerStats stats_;
};

}  // namespace soliton::producer

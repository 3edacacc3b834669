// The producer library: sends records to topics, in order per partition, and tells what became of
// each. Lives on one shard; all methods are called and all callbacks run there, never inside a
// call. No threads, no blocking, no time or randomness of its own, so the same producer runs under
// the simulator.
//
// Memory is bounded by `accumulator.buffer_bytes`: Send then answers kResourceExhausted, and
// OnWritable tells when to go on.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "producer/accumulator_core.h"
#include "producer/record.h"
#include "protocol/session/cluster_client.h"
#include "runtime/ports.h"

namespace soliton::producer {

struct ProducerOptions {
  kafka::ClusterClientOptions cluster;
  int16_t acks = -1;        // -1 all in-sync replicas, 1 the leader, 0 no answer
  bool idempotence = true;  // exactly once and in order across retries; needs acks = -1
  int max_in_flight = 5;
  AccumulatorOptions accumulator;
  int64_t max_request_bytes = 1024 * 1024;  // also the largest record
  Duration request_timeout = seconds(30);
  // From Send to the callback, retries included.
  Duration delivery_timeout = seconds(120);
  // How long a record may wait for its topic to be known at all.
  Duration metadata_timeout = seconds(60);
  Duration retry_backoff_initial = milliseconds(10);
  Duration retry_backoff_max = milliseconds(1000);
  // Topic ids replace names from version 13 on; names do everything this producer needs. Below 10
  // brokers do not say in a refusal who leads.
  int16_t max_produce_version = 12;
};

struct ProducerStats {
  uint64_t records_sent = 0;  // accepted by Send
  uint64_t records_acked = 0;
  uint64_t records_failed = 0;
  uint64_t requests = 0;
  uint64_t batches_sent = 0;  // retries included
  uint64_t batches_retried = 0;
  uint64_t sequence_resets = 0;  // the broker had lost the producer's state
  int64_t buffered_bytes = 0;
};

class Producer {
 public:
  // kInvalidArgument when the options contradict each other.
  static absl::StatusOr<std::unique_ptr<Producer>> Create(const Ports& ports, Shard& shard,
                                                          ProducerOptions options);
  // Outstanding callbacks are dropped without running: Close first.
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // OK: `callback` will run once. Else it will not: kResourceExhausted (buffer full, see
  // OnWritable), kInvalidArgument (larger than max_request_bytes), kFailedPrecondition (closed).
  absl::Status Send(ProducerRecord record, SendCallback callback);

  // Runs `callback` once, when there is room again after Send answered kResourceExhausted.
  void OnWritable(absl::AnyInvocable<void()> callback);

  // Sends what waits without lingering, and runs `done` when every record sent before has ended.
  void Flush(absl::AnyInvocable<void()> done);

  // Flush, then refuse further records.
  void Close(absl::AnyInvocable<void()> done);

  ProducerStats stats() const;
  kafka::ClusterClient& cluster();

 private:
  class Impl;
  explicit Producer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace soliton::producer

// The consumer library for assigned partitions: reads records in order, from a start position, at
// the application's pace. Lives on one shard; all methods are called and all callbacks run there,
// never inside a call. No threads, no blocking, no time or randomness of its own, so the same
// consumer runs under the simulator.
//
// Memory is bounded: a partition is not fetched while `fetch.partition_buffer_bytes` of it are
// unread. Poll takes what has arrived; OnReady tells when there is something again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "consumer/batch_reader.h"
#include "consumer/fetcher_core.h"
#include "consumer/offset_lookup.h"
#include "consumer/record_set.h"
#include "protocol/session/cluster_client.h"
#include "runtime/ports.h"

namespace soliton::consumer {

struct ConsumerOptions {
  kafka::ClusterClientOptions cluster;
  FetcherOptions fetch;
  BatchReaderOptions reader;  // read_committed is set here
  Duration request_timeout = seconds(30);
  // How long a start position may take to be found.
  Duration lookup_timeout = seconds(60);
};

// Something that happened to a partition besides records.
struct ConsumerEvent {
  TopicPartition from;
  FetchEvent::Kind kind = FetchEvent::Kind::kReset;
  int64_t offset = 0;  // the position until then
  // kFailed: why reading ended. kTruncated: what was lost.
  absl::Status status;
};

struct ConsumerStats {
  uint64_t records = 0;
  uint64_t batches = 0;
  uint64_t fetches = 0;
  uint64_t bytes = 0;  // of batches as stored
};

class Consumer {
 public:
  static absl::StatusOr<std::unique_ptr<Consumer>> Create(const Ports& ports, Shard& shard,
                                                          ConsumerOptions options);
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Replaces what is read. Records of partitions that are left out are dropped.
  void Assign(const std::vector<std::pair<TopicPartition, StartPosition>>& partitions);
  void Seek(const TopicPartition& partition, const StartPosition& position);
  void Pause(const TopicPartition& partition);
  void Resume(const TopicPartition& partition);

  // Up to `max_sets` batches that have arrived, partitions in turn. Never empty sets; returns
  // nothing when nothing is there.
  std::vector<RecordSet> Poll(int max_sets);
  // `callback` runs each time that records have arrived or a position has moved.
  void OnReady(std::function<void()> callback);
  void OnEvent(std::function<void(const ConsumerEvent&)> callback);

  // The offset that Poll returns next, as far as known; nullopt before the start was found.
  std::optional<int64_t> Position(const TopicPartition& partition) const;
  // The highest that an answer told; nullopt before. Never decreases, unless the log was cut or the
  // position reset.
  std::optional<int64_t> HighWatermark(const TopicPartition& partition) const;

  OffsetLookup& offsets();
  kafka::ClusterClient& cluster();
  ConsumerStats stats() const;

 private:
  class Impl;
  explicit Consumer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace soliton::consumer

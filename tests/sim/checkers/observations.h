// What the checkers are fed: plain values copied out of brokers, clients and logs. The numbers in
// the names of the other files here are those of the project's list of invariants (README.md).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace soliton::sim {

struct PartitionName {
  std::string topic;
  int32_t partition = -1;
  friend auto operator<=>(const PartitionName&, const PartitionName&) = default;
  std::string ToString() const { return fmt::format("{}-{}", topic, partition); }
};

// One replica at one moment, seen from outside.
struct ReplicaObservation {
  int32_t broker = -1;
  int incarnation = 0;  // of the broker's process
  PartitionName partition;
  bool leader = false;
  int32_t leader_epoch = -1;
  std::vector<int32_t> isr;
  std::vector<int32_t> maximal_isr;  // leader: with whom a pending change would add
  int32_t min_insync_replicas = 1;
  int64_t log_start_offset = 0;
  int64_t high_watermark = 0;
  int64_t log_end_offset = 0;
  int64_t flushed_offset = 0;
};

// A partition as the controller has committed it.
struct PartitionMetadata {
  PartitionName partition;
  int32_t leader = -1;
  int32_t leader_epoch = -1;
  int32_t partition_epoch = -1;
  std::vector<int32_t> isr;
  std::vector<int32_t> eligible_leaders;
  friend bool operator==(const PartitionMetadata&, const PartitionMetadata&) = default;
};

// One batch of a replica's log. `content_hash` covers everything but base offset and leader epoch.
struct BatchObservation {
  int64_t base_offset = 0;
  int64_t last_offset = 0;
  int32_t leader_epoch = -1;
  uint64_t content_hash = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  friend bool operator==(const BatchObservation&, const BatchObservation&) = default;
};

struct LogObservation {
  int32_t broker = -1;
  PartitionName partition;
  int64_t log_start_offset = 0;
  int64_t high_watermark = 0;
  std::vector<BatchObservation> batches;  // in log order
};

// Names one record that a workload producer sent: the n-th of that producer to that partition, from
// 0.
struct RecordName {
  int32_t producer = -1;
  int64_t number = -1;
  friend auto operator<=>(const RecordName&, const RecordName&) = default;
  std::string ToString() const { return fmt::format("p{}#{}", producer, number); }
};

struct RecordObservation {
  int64_t offset = -1;
  RecordName name;
};

}  // namespace soliton::sim

// What one turn of a shard's loop brings to its partitions: batches of produce requests, from all
// connections, are collected and each partition is handed its own at the end of the turn, so that
// it writes them with one system call. Nothing of a batch can be seen before. Lives on its shard.
#pragma once

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/partition/partition.h"
#include "broker/pause_watch.h"
#include "runtime/loop/owner.h"

namespace soliton::broker {

class PartitionTable;

// One partition of a produce request, on its way. Kept by its request; touched by the owner shard
// alone from AppendTurn::Add until Finished.
class PendingAppend {
 public:
  TopicPartition id;
  int16_t acks = 0;
  Buffer records;          // gone once it is written
  ProduceOutcome outcome;  // complete when Finished is called

  // Both on the owner shard. At most once, before Finished: written, and has to wait to be
  // committed.
  virtual void Waits() = 0;
  // Once: written and, with acks=-1, committed; or why not.
  virtual void Finished() = 0;

 protected:
  ~PendingAppend() = default;
};

class AppendTurn {
 public:
  // What is to be acknowledged without any other replica is, as long as `pauses` allows it.
  AppendTurn(Shard& shard, PartitionTable& partitions, PauseWatch& pauses)
      : owner_(shard), partitions_(partitions), pauses_(pauses) {}

  // Written at the end of this turn, after what was added before it for the same partition. What is
  // still here when the shard stops is forgotten.
  void Add(std::shared_ptr<PendingAppend> append);

 private:
  using Appends = std::vector<std::shared_ptr<PendingAppend>>;

  void WriteAll();
  // Ends those that nobody else would be asked for, while that is not allowed.
  void RefuseUnconfirmed(Appends& appends);
  bool MayActAlone() { return pauses_.MayActAlone(owner_.shard().clock().Now()); }
  // All of one partition.
  void Write(const TopicPartition& id, const Appends& appends);

  Owner owner_;
  PartitionTable& partitions_;
  PauseWatch& pauses_;
  // In the order in which partitions were first named.
  std::vector<Appends> groups_;
  absl::flat_hash_map<TopicPartition, size_t> group_of_;
};

}  // namespace soliton::broker

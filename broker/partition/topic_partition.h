// The identity of a partition: topic id, never the name, so that a re-created topic is a different
// partition (KAFKA-14616 and relatives).
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "runtime/base/uuid.h"

namespace soliton::broker {

struct TopicPartition {
  Uuid topic_id;
  int32_t partition = -1;

  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const TopicPartition& id) {
    return H::combine(std::move(h), id.topic_id, id.partition);
  }
};

// Decides the owner shard (ShardSet::OwnerOf). Partitions of one topic spread evenly; every broker
// with the same number of shards agrees, so one replica fetch finds all its partitions on one
// shard.
inline uint64_t OwnerHash(const TopicPartition& id) {
  return id.topic_id.high ^ (id.topic_id.low + static_cast<uint64_t>(id.partition));
}

}  // namespace soliton::broker

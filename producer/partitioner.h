// Chooses a record's partition as the Java client does, so that mixed producers agree: murmur2 of
// the key modulo the number of partitions; without a key, stick to one partition until a batch's
// worth of bytes went there (KIP-480, KIP-794). Pure; one owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/base/random.h"

namespace soliton::producer {

// Java's Utils.murmur2.
int32_t Murmur2(std::string_view data);

// The partition of a keyed record. CHECKs partition_count > 0.
int32_t PartitionOfKey(std::string_view key, int32_t partition_count);

// The sticky choice of one topic.
class StickyPartition {
 public:
  explicit StickyPartition(int64_t stick_bytes) : stick_bytes_(stick_bytes) {}

  // `available`: partitions that have a leader, ascending; when empty any of `partition_count` may
  // be taken. The record's bytes are counted towards the chosen partition.
  int32_t Choose(const std::vector<int32_t>& available, int32_t partition_count,
                 int64_t record_bytes, Random& random);

 private:
  int64_t stick_bytes_;
  std::optional<int32_t> current_;
  int64_t bytes_on_current_ = 0;
};

}  // namespace soliton::producer

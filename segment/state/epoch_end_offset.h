// A position in a log's history as (leader epoch, end offset of that epoch): the currency of
// OffsetForLeaderEpoch and of diverging fetch answers (KIP-101, KIP-279, KIP-595). Epoch -1 =
// unknown.
#pragma once

#include <cstdint>

namespace soliton::segment {

struct EpochEndOffset {
  int32_t leader_epoch = -1;
  int64_t end_offset = -1;
  friend bool operator==(const EpochEndOffset&, const EpochEndOffset&) = default;
};

}  // namespace soliton::segment

// Which leader epoch began at which offset: what lets two replicas find where their logs part ways.
// In memory; the log writes Encode() to leader-epoch-checkpoint. Pure; owned by the log.
//
// Invariants: epochs and start offsets both increase strictly from entry to entry; both are >= 0.
// An epoch in which nothing was written is known as long as the next epoch has not begun at the
// same offset. Source: KIP-101, KIP-279; file format: Kafka's leader-epoch-checkpoint version 0.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "segment/state/epoch_end_offset.h"

namespace soliton::segment {

class LeaderEpochCache {
 public:
  struct Entry {
    int32_t leader_epoch = 0;
    int64_t start_offset = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  // Notes that `leader_epoch` begins at `start_offset`, unless that epoch is the latest and began
  // before. Entries that contradict the new one (an epoch or a start at or above it) go: the batch
  // at hand is the truth. Callers refuse batches whose epoch goes back before they get here.
  // Returns whether anything changed.
  bool Assign(int32_t leader_epoch, int64_t start_offset);

  // The largest known epoch <= `leader_epoch` and where it ends: at the start of the next one, or
  // at `log_end_offset` for the latest. An epoch before all known ones ends where the first known
  // one begins.
  // {-1, -1} for epochs beyond the latest, for negative ones, and when nothing is known.
  EpochEndOffset EndOffsetFor(int32_t leader_epoch, int64_t log_end_offset) const;

  // -1 when nothing is known.
  int32_t LatestEpoch() const { return entries_.empty() ? -1 : entries_.back().leader_epoch; }
  // The epoch that `offset` was written in; -1 when unknown.
  int32_t EpochOf(int64_t offset) const;

  // The log now ends at `offset`: forgets epochs that begin there or later. Returns whether
  // anything changed.
  bool TruncateFromEnd(int64_t offset);
  // The log now starts at `offset`: forgets epochs that ended by then; the one that holds `offset`
  // is re-based to begin there, so that the epoch of what is left (or of an empty log) stays known.
  bool TruncateFromStart(int64_t offset);
  void Clear() { entries_.clear(); }

  std::span<const Entry> entries() const { return entries_; }

  // The text of leader-epoch-checkpoint, and back. kDataLoss when the text is malformed or breaks
  // an invariant.
  std::string Encode() const;
  static absl::StatusOr<LeaderEpochCache> Decode(std::string_view text);

  friend bool operator==(const LeaderEpochCache&, const LeaderEpochCache&) = default;

 private:
  void CheckInvariants() const;

  std::vector<Entry> entries_;
};

}  // namespace soliton::segment

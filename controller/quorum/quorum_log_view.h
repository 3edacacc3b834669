// What the quorum's core knows of the log: where it begins and ends, what of it is durable and
// committed, which epochs it holds, and who votes according to it. Pure; owned by the core.
//
// start <= committed_end <= end; flushed_end <= end.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "controller/quorum/quorum_message.h"
#include "controller/quorum/voter_set.h"
#include "segment/state/leader_epoch_cache.h"

namespace soliton::controller {

// One batch of the log.
struct QuorumEntry {
  int64_t base_offset = 0;
  int64_t end_offset = 0;
  int32_t epoch = 0;
  std::optional<VoterSet> voters;  // from here on
  friend bool operator==(const QuorumEntry&, const QuorumEntry&) = default;
};

class QuorumLogView {
 public:
  // An empty log behind a snapshot that ends at `start` (offset 0, epoch -1: behind nothing), which
  // names `voters`.
  QuorumLogView(LogPosition start, VoterSet voters);

  // The next batch. CHECKs that it follows on.
  void Append(const QuorumEntry& entry);
  // At the start of a batch, not below committed_end.
  void TruncateTo(int64_t offset);
  void SetFlushed(int64_t end_offset);
  void SetCommitted(int64_t end_offset);
  // A snapshot covers the log up to `offset`, which is committed: those records may go.
  void DropBefore(int64_t offset);

  LogPosition start() const { return start_; }
  LogPosition end() const { return {EpochBefore(end_offset_), end_offset_}; }
  int64_t end_offset() const { return end_offset_; }
  int64_t flushed_end() const { return flushed_end_; }
  int64_t committed_end() const { return committed_end_; }

  // The epoch of the record before `offset`, which lies in [start, end].
  int32_t EpochBefore(int64_t offset) const;
  // The last place where a log that has `position`, and before it nothing of a larger epoch, may
  // agree with this one. The start when nothing does: its offset or its epoch is larger then.
  LogPosition LastAgreement(const LogPosition& position) const;

  // The newest, committed or not.
  const VoterSet& voters() const { return voters_.back().second; }
  // What a snapshot that ends at committed_end names.
  const VoterSet& committed_voters() const { return voters_.front().second; }
  // Whether these or older ones, which may count again should the log be cut, name it.
  bool MayVote(const Voter& voter) const;
  // Newer voters than the committed ones are in the log.
  bool voters_change() const { return voters_.size() > 1; }

 private:
  LogPosition start_;
  int64_t end_offset_ = 0;
  int64_t flushed_end_ = 0;
  int64_t committed_end_ = 0;
  segment::LeaderEpochCache epochs_;  // of what is in the log
  // Where their batch ends, ascending. The first are committed.
  std::vector<std::pair<int64_t, VoterSet>> voters_;
};

}  // namespace soliton::controller

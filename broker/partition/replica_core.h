// What one replica of a partition knows about the others, pure: in-sync replicas, follower
// positions, high watermark. No clock, no I/O; owned by the Partition that holds it.
//
// The high watermark is the minimum position over the *maximal* ISR: the committed ISR plus
// replicas that a pending expansion would add (KIP-497: a joiner counts at once, a leaver counts
// until the controller has committed its removal). A position is what a replica has flushed, or
// with durability=page-cache what it has appended. It moves only while the committed ISR holds at
// least the effective min.insync.replicas (KIP-966), so nothing is ever committed on fewer copies
// than promised.
//
// Invariants: epochs only grow; high_watermark only grows while leading; the leader is in its own
// ISR; at most one ISR change is in flight.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "protocol/wire/error_code.h"
#include "runtime/loop/clock.h"

namespace soliton::broker {

struct ReplicaCoreOptions {
  Duration replica_lag_time_max = milliseconds(30000);
  // Positions are flushed offsets (true) or log end offsets (false).
  bool count_flushed = true;
};

// Committed partition state, as the controller published it.
struct CommittedState {
  int32_t leader = -1;
  int32_t leader_epoch = -1;
  int32_t partition_epoch = -1;
  std::vector<int32_t> replicas;
  std::vector<int32_t> isr;
  int32_t min_insync_replicas = 1;  // effective: min(topic setting, replication factor)
};

// A replica's claim to belong to the ISR, as the controller will check it.
struct IsrMember {
  int32_t broker_id = -1;
  int64_t broker_epoch = -1;
  friend bool operator==(const IsrMember&, const IsrMember&) = default;
};

// To be sent to the controller; fenced there by both epochs.
struct IsrProposal {
  int32_t leader_epoch = -1;
  int32_t partition_epoch = -1;
  std::vector<IsrMember> new_isr;
};

enum class FetchVerdict {
  kCounted,           // position recorded
  kNotReplica,        // the sender is not in the replica list
  kStaleIncarnation,  // it does not say which incarnation it is, or an older one than is known
};

class ReplicaCore {
 public:
  enum class Role { kNone, kLeader, kFollower };

  ReplicaCore(int32_t self, const ReplicaCoreOptions& options) : self_(self), options_(options) {}

  // ---- role changes ----

  // A newer committed state. Returns false and changes nothing when it is older than what is known
  // (by leader epoch, then partition epoch). `log_end_offset` is the epoch's start offset when this
  // replica begins to lead a new epoch.
  bool Apply(const CommittedState& state, int64_t log_end_offset, MonotonicTime now);

  // ---- events ----

  // The local log grew, was flushed or was truncated.
  void OnLocalPosition(int64_t log_end_offset, int64_t flushed_offset);
  // A follower's Fetch in the current leader epoch: it needs `fetch_offset` next and has flushed
  // `flushed_offset`.
  FetchVerdict OnFollowerFetch(const IsrMember& follower, int64_t fetch_offset,
                               int64_t flushed_offset, MonotonicTime now);
  // Where the log of a follower begins and which high watermark it knows, as it said in a fetch
  // that counted.
  void OnFollowerView(int32_t follower, int64_t log_start_offset, int64_t known_high_watermark);
  // Leader only: raises the high watermark as far as positions allow. True when it moved.
  bool AdvanceHighWatermark();
  // Follower only: takes the leader's high watermark, bounded by this replica's own position: what
  // is called committed here survives a crash here. True when it moved.
  bool AdoptHighWatermark(int64_t leader_high_watermark);
  // Follower only: the same again, with what the leader said last, after a flush.
  bool ReadoptHighWatermark() { return AdoptHighWatermark(leader_high_watermark_); }
  // After opening a log: the checkpointed value, bounded by the log end.
  void RestoreHighWatermark(int64_t high_watermark);
  // The log now begins at `log_start_offset`: what is deleted was committed (KAFKA-9491).
  void OnLogStart(int64_t log_start_offset);
  // This broker did not run for a while, so it could not hear its followers: nobody is blamed for
  // that time (KAFKA-8733).
  void OnStalled(MonotonicTime now);

  // ---- ISR changes (leader only) ----

  // Brokers that may not join the ISR now (fenced, shutting down) and each broker's current epoch.
  struct BrokerView {
    int64_t broker_epoch = -1;
    bool usable = false;
  };
  // The change that is due, if any and none is pending; marks it pending. A pending one whose
  // answer was lost is returned again: it is a compare-and-set, so sending it twice cannot apply it
  // twice. Expansion needs a position >= high watermark and >= the epoch's start offset, reported
  // in this epoch by the current broker incarnation (KAFKA-7128, KIP-903), and that it would not be
  // removed again at once. Shrinking removes members that were not caught up for
  // replica_lag_time_max.
  std::optional<IsrProposal> ProposeIsrChange(const std::map<int32_t, BrokerView>& brokers,
                                              MonotonicTime now);
  // The controller refused the pending proposal (an accepted one is applied as committed state). An
  // error that proves that it was not applied rolls back; any other leaves the maximal ISR as it is
  // until metadata arrives.
  void OnIsrRejected(kafka::ErrorCode error);

  // ---- queries ----

  Role role() const { return role_; }
  int32_t leader() const { return state_.leader; }
  int32_t leader_epoch() const { return state_.leader_epoch; }
  int32_t partition_epoch() const { return state_.partition_epoch; }
  int64_t high_watermark() const { return high_watermark_; }
  // What a follower last heard of the leader's in this epoch; -1: nothing yet.
  int64_t leader_high_watermark() const { return leader_high_watermark_; }
  int64_t log_end_offset() const { return log_end_offset_; }
  int64_t epoch_start_offset() const { return epoch_start_offset_; }
  const std::vector<int32_t>& isr() const { return state_.isr; }
  // The committed ISR and whoever a pending change would add.
  void MaximalIsr(std::vector<int32_t>& members) const;
  const std::vector<int32_t>& replicas() const { return state_.replicas; }
  int32_t min_insync_replicas() const { return state_.min_insync_replicas; }
  bool has_enough_replicas() const {
    return static_cast<int32_t>(state_.isr.size()) >= state_.min_insync_replicas;
  }
  bool isr_change_pending() const { return pending_.has_value(); }
  // The high watermark is known to cover every epoch before this one (KIP-207): end offsets may be
  // told.
  bool end_offset_known() const { return high_watermark_ >= epoch_start_offset_; }
  bool IsReplica(int32_t broker_id) const;
  bool InIsr(int32_t broker_id) const;
  // Leader only: the in-sync follower among `brokers` that is furthest and can serve a reader at
  // `offset` no worse than this leader: what is committed there it must know to be; -1 when there
  // is none.
  int32_t FollowerToRead(const std::vector<int32_t>& brokers, int64_t offset) const;
  // Leader only: the lowest log start of all replicas on usable brokers, this one's being
  // `own_log_start`; -1 while one of them has not been heard in this epoch.
  int64_t LowWatermark(int64_t own_log_start, const std::map<int32_t, BrokerView>& brokers) const;

 private:
  struct Follower {
    int64_t position = -1;  // -1: no fetch in this epoch yet
    int64_t log_end_offset = -1;
    int64_t log_start_offset = -1;
    int64_t known_high_watermark = -1;
    int64_t broker_epoch = -1;
    MonotonicTime caught_up_at;  // it had then everything the leader had then
    int64_t sample_end_offset =
        0;  // leader's end at sample_at; reaching it moves caught_up_at to sample_at
    MonotonicTime sample_at;
  };

  int64_t LocalPosition() const {
    return options_.count_flushed ? flushed_offset_ : log_end_offset_;
  }
  bool InMaximalIsr(int32_t broker_id) const;
  bool MayJoin(const Follower& follower) const;
  bool IsLagging(const Follower& follower, MonotonicTime now) const;
  void ResetFollowers(MonotonicTime now);

  const int32_t self_;
  const ReplicaCoreOptions options_;
  Role role_ = Role::kNone;
  CommittedState state_;
  std::optional<IsrProposal> pending_;
  bool pending_unresolved_ = false;      // it may be sent again
  bool pending_lost_an_answer_ = false;  // a copy of it may be applied yet
  int64_t high_watermark_ = 0;
  int64_t leader_high_watermark_ = -1;  // as last heard in this epoch
  int64_t log_end_offset_ = 0;
  int64_t flushed_offset_ = 0;
  int64_t epoch_start_offset_ = 0;
  std::map<int32_t, Follower> followers_;
};

}  // namespace soliton::broker

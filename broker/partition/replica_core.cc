#include "broker/partition/replica_core.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"

namespace soliton::broker {
namespace {

bool Contains(const std::vector<int32_t>& ids, int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

bool ReplicaCore::IsReplica(int32_t broker_id) const {
  return Contains(state_.replicas, broker_id);
}
bool ReplicaCore::InIsr(int32_t broker_id) const { return Contains(state_.isr, broker_id); }

bool ReplicaCore::InMaximalIsr(int32_t broker_id) const {
  if (InIsr(broker_id)) return true;
  if (!pending_) return false;
  return std::any_of(pending_->new_isr.begin(), pending_->new_isr.end(),
                     [&](const IsrMember& member) { return member.broker_id == broker_id; });
}

void ReplicaCore::MaximalIsr(std::vector<int32_t>& members) const {
  members = state_.isr;
  if (!pending_) return;
  for (const IsrMember& member : pending_->new_isr) {
    if (!InIsr(member.broker_id)) members.push_back(member.broker_id);
  }
}

void ReplicaCore::ResetFollowers(MonotonicTime now) {
  if (!SOLITON_MUTANT("kip966_followers_keep_state_of_old_epoch")) followers_.clear();
  for (int32_t id : state_.replicas) {
    if (id == self_) continue;
    if (SOLITON_MUTANT("kip966_followers_keep_state_of_old_epoch") && followers_.contains(id)) {
      continue;
    }
    Follower follower;
    // A member gets a whole lag period to show itself before it can be dropped.
    follower.caught_up_at = now;
    follower.sample_end_offset = log_end_offset_;
    follower.sample_at = now;
    followers_[id] = follower;
  }
}

bool ReplicaCore::Apply(const CommittedState& state, int64_t log_end_offset, MonotonicTime now) {
  if (!SOLITON_MUTANT("older_leader_epoch_applies") && state.leader_epoch < state_.leader_epoch) {
    return false;
  }
  if (state.leader_epoch == state_.leader_epoch && state.partition_epoch < state_.partition_epoch) {
    return false;
  }
  const bool new_epoch = state.leader_epoch > state_.leader_epoch || role_ == Role::kNone;
  const bool newer_partition_epoch = state.partition_epoch > state_.partition_epoch;
  const bool replicas_changed = state.replicas != state_.replicas;
  state_ = state;
  if (newer_partition_epoch || new_epoch) {
    // Whatever was proposed against the older partition epoch has been decided: it is in `state` or
    // refused.
    pending_.reset();
    pending_unresolved_ = false;
  }
  if (new_epoch) leader_high_watermark_ = -1;
  const Role role = state.leader == self_ ? Role::kLeader : Role::kFollower;
  if (role == Role::kLeader) {
    CHECK(InIsr(self_), "leader {} of epoch {} is not in its own ISR", self_, state.leader_epoch);
    if (new_epoch || role_ != Role::kLeader) {
      log_end_offset_ = log_end_offset;
      epoch_start_offset_ = log_end_offset;
      role_ = role;
      ResetFollowers(now);
    } else if (replicas_changed) {
      std::erase_if(followers_, [&](const auto& entry) { return !IsReplica(entry.first); });
      for (int32_t id : state_.replicas) {
        if (id != self_)
          followers_.try_emplace(id, Follower{.caught_up_at = now, .sample_at = now});
      }
    }
  } else if (!SOLITON_MUTANT("kip966_followers_keep_state_of_old_epoch")) {
    followers_.clear();
  }
  role_ = role;
  return true;
}

void ReplicaCore::OnLocalPosition(int64_t log_end_offset, int64_t flushed_offset) {
  log_end_offset_ = log_end_offset;
  flushed_offset_ = flushed_offset;
  if (high_watermark_ > log_end_offset_) {
    // Only a follower truncates, and never below what it was told is committed, except after data
    // loss that the operator accepted (unclean election).
    CHECK(role_ != Role::kLeader, "leader's log end {} fell below its high watermark {}",
          log_end_offset_, high_watermark_);
    high_watermark_ = log_end_offset_;
  }
}

FetchVerdict ReplicaCore::OnFollowerFetch(const IsrMember& member, int64_t fetch_offset,
                                          int64_t flushed_offset, MonotonicTime now) {
  DCHECK(role_ == Role::kLeader);
  auto found = followers_.find(member.broker_id);
  if (found == followers_.end()) return FetchVerdict::kNotReplica;
  Follower& follower = found->second;
  // A fetch of an older incarnation that was delayed on another connection must not count for the
  // new one; nor one of a client that only claims to be a replica.
  if (!SOLITON_MUTANT("stale_incarnation_counts") &&
      (member.broker_epoch < 0 || member.broker_epoch < follower.broker_epoch)) {
    SOMETIMES("a fetch of an older incarnation was refused");
    return FetchVerdict::kStaleIncarnation;
  }
  follower.broker_epoch = member.broker_epoch;
  follower.log_end_offset = fetch_offset;
  const bool flushed_counts =
      options_.count_flushed && !SOLITON_MUTANT("unflushed_follower_counts");
  follower.position = flushed_counts ? std::min(flushed_offset, fetch_offset) : fetch_offset;
  if (follower.position >= log_end_offset_) {
    follower.caught_up_at = now;
    follower.sample_end_offset = log_end_offset_;
    follower.sample_at = now;
  } else if (follower.position >= follower.sample_end_offset) {
    follower.caught_up_at = std::max(follower.caught_up_at, follower.sample_at);
    follower.sample_end_offset = log_end_offset_;
    follower.sample_at = now;
  }
  return FetchVerdict::kCounted;
}

void ReplicaCore::OnFollowerView(int32_t follower, int64_t log_start_offset,
                                 int64_t known_high_watermark) {
  auto found = followers_.find(follower);
  if (found == followers_.end()) return;
  found->second.log_start_offset = log_start_offset;
  found->second.known_high_watermark = known_high_watermark;
}

int64_t ReplicaCore::LowWatermark(int64_t own_log_start,
                                  const std::map<int32_t, BrokerView>& brokers) const {
  int64_t lowest = own_log_start;
  for (const auto& [id, follower] : followers_) {
    auto broker = brokers.find(id);
    if (broker == brokers.end() || !broker->second.usable) continue;
    lowest = std::min(lowest, follower.log_start_offset);
  }
  return lowest;
}

int32_t ReplicaCore::FollowerToRead(const std::vector<int32_t>& brokers, int64_t offset) const {
  int32_t best = -1;
  int64_t best_end = -1;
  for (const auto& [id, follower] : followers_) {
    if (!Contains(brokers, id) || !InIsr(id)) continue;
    const bool has_it = follower.log_start_offset >= 0 && follower.log_start_offset <= offset &&
                        offset <= follower.log_end_offset;
    const int64_t served = std::min(follower.known_high_watermark, follower.position);
    if (!has_it || served < std::min(offset + 1, high_watermark_)) continue;
    if (follower.log_end_offset <= best_end) continue;
    best = id;
    best_end = follower.log_end_offset;
  }
  return best;
}

bool ReplicaCore::AdvanceHighWatermark() {
  if (role_ != Role::kLeader) return false;
  if (!SOLITON_MUTANT("high_watermark_below_min_isr") && !has_enough_replicas()) {
    SOMETIMES("the high watermark stood still below min.insync.replicas");
    return false;
  }
  int64_t lowest = SOLITON_MUTANT("unflushed_leader_counts") ? log_end_offset_ : LocalPosition();
  for (const auto& [id, follower] : followers_) {
    if (SOLITON_MUTANT("joiner_does_not_count") ? InIsr(id) : InMaximalIsr(id))
      lowest = std::min(lowest, follower.position);
  }
  if (lowest <= high_watermark_) return false;
  CHECK(lowest <= log_end_offset_, "high watermark {} above log end {}", lowest, log_end_offset_);
  high_watermark_ = lowest;
  return true;
}

bool ReplicaCore::AdoptHighWatermark(int64_t leader_high_watermark) {
  DCHECK(role_ == Role::kFollower);
  leader_high_watermark_ = leader_high_watermark;
  const int64_t bounded = std::min(leader_high_watermark, LocalPosition());
  if (bounded <= high_watermark_) return false;
  high_watermark_ = bounded;
  return true;
}

void ReplicaCore::RestoreHighWatermark(int64_t high_watermark) {
  high_watermark_ = std::min(high_watermark, log_end_offset_);
}

void ReplicaCore::OnLogStart(int64_t log_start_offset) {
  high_watermark_ = std::max(high_watermark_, std::min(log_start_offset, log_end_offset_));
}

void ReplicaCore::OnStalled(MonotonicTime now) {
  for (auto& [id, follower] : followers_) follower.caught_up_at = now;
}

bool ReplicaCore::MayJoin(const Follower& follower) const {
  const bool known = follower.position >= 0;
  const bool committed =
      SOLITON_MUTANT("kip966_join_below_high_watermark") || follower.position >= high_watermark_;
  const bool epoch_start =
      SOLITON_MUTANT("kip966_join_below_epoch_start") || follower.position >= epoch_start_offset_;
  if (known && committed && !epoch_start) SOMETIMES("a joiner was below the epoch's start");
  return known && committed && epoch_start;
}

bool ReplicaCore::IsLagging(const Follower& follower, MonotonicTime now) const {
  if (follower.position == log_end_offset_) return false;
  return now - follower.caught_up_at > options_.replica_lag_time_max;
}

std::optional<IsrProposal> ReplicaCore::ProposeIsrChange(
    const std::map<int32_t, BrokerView>& brokers, MonotonicTime now) {
  if (role_ != Role::kLeader) return std::nullopt;
  if (pending_) {
    if (!pending_unresolved_) return std::nullopt;
    // The same compare-and-set again: if it was applied meanwhile, the partition epoch refuses this
    // one.
    pending_unresolved_ = false;
    return pending_;
  }
  const auto view_of = [&](int32_t id) {
    auto found = brokers.find(id);
    return found == brokers.end() ? BrokerView{} : found->second;
  };
  IsrProposal proposal{state_.leader_epoch, state_.partition_epoch, {}};
  std::vector<int32_t> ids;
  for (int32_t id : state_.replicas) {
    if (id == self_) {
      ids.push_back(id);
      proposal.new_isr.push_back({id, view_of(id).broker_epoch});
      continue;
    }
    const Follower& follower = followers_.at(id);
    const BrokerView view = view_of(id);
    // A member that has not fetched since this leader took over is named with the epoch that
    // metadata knows.
    const int64_t epoch = follower.broker_epoch >= 0 ? follower.broker_epoch : view.broker_epoch;
    const bool stays = InIsr(id) && !IsLagging(follower, now);
    const bool joins = !InIsr(id) && view.usable && MayJoin(follower) &&
                       follower.broker_epoch == view.broker_epoch && !IsLagging(follower, now);
    if (!stays && !joins) continue;
    ids.push_back(id);
    proposal.new_isr.push_back({id, epoch});
  }
  std::vector<int32_t> current = state_.isr;
  std::vector<int32_t> wanted = ids;
  std::sort(current.begin(), current.end());
  std::sort(wanted.begin(), wanted.end());
  if (current == wanted) return std::nullopt;
  pending_ = proposal;
  pending_unresolved_ = false;
  pending_lost_an_answer_ = false;
  return proposal;
}

void ReplicaCore::OnIsrRejected(kafka::ErrorCode error) {
  if (!pending_) return;
  SOMETIMES("an ISR change was refused or its answer lost");
  // Judged against this partition epoch and refused: neither this one nor, before it, an earlier
  // copy was applied. That it was not sent says nothing about earlier copies. After any other error
  // the joiner goes on counting until committed metadata says what happened.
  const bool not_applied =
      error == kafka::ErrorCode::INELIGIBLE_REPLICA ||
      (error == kafka::ErrorCode::OPERATION_NOT_ATTEMPTED && !pending_lost_an_answer_);
  if (not_applied) {
    pending_.reset();
    return;
  }
  pending_lost_an_answer_ |= error != kafka::ErrorCode::OPERATION_NOT_ATTEMPTED;
  pending_unresolved_ = true;
}

}  // namespace soliton::broker

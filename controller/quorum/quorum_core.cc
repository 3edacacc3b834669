#include "controller/quorum/quorum_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/base/mutant.h"

namespace soliton::controller {

std::string_view QuorumRoleName(QuorumRole role) {
  switch (role) {
    case QuorumRole::kFollower:
      return "follower";
    case QuorumRole::kProspective:
      return "prospective";
    case QuorumRole::kCandidate:
      return "candidate";
    case QuorumRole::kLeader:
      return "leader";
  }
  return "?";
}

QuorumCore::QuorumCore(QuorumOptions options, Voter self, VoteState vote, QuorumLogView log,
                       std::function<int64_t(int64_t)> slice_end, Random& random, MonotonicTime now)
    : options_(options),
      self_(std::move(self)),
      slice_end_(std::move(slice_end)),
      random_(random),
      log_(std::move(log)),
      now_(now),
      vote_(std::move(vote)),
      verified_end_(log_.committed_end()) {
  CHECK(log_.flushed_end() == log_.end_offset(), "a log that is not durable yet");
  // Only of a vote file that was lost, with the log still there: its vote may have been given.
  if (vote_.epoch < log_.end().epoch) vote_ = {log_.end().epoch, std::nullopt};
  SetElectionDeadline();
  // Nobody else can lead.
  if (voters() == VoterSet({self_})) election_deadline_ = now_;
}

QuorumEffects QuorumCore::Tick(MonotonicTime now) {
  now_ = now;
  if (is_leader()) {
    Lead();
  } else if (now_ >= election_deadline_) {
    // Also whoever is to be removed: until that is committed nobody else may be able to lead (Raft
    // dissertation, section 4.2.2).
    if (log_.MayVote(self_)) {
      StandForElection();
    } else {
      SetElectionDeadline();
    }
  }
  return Take();
}

QuorumEffects QuorumCore::Receive(const QuorumMessage& message,
                                  std::span<const QuorumEntry> entries, MonotonicTime now) {
  now_ = now;
  // Somebody meant a disk that is no longer here.
  if (failed_ || message.to != self_) return {};
  std::visit(
      [&](const auto& body) {
        using Body = std::decay_t<decltype(body)>;
        if constexpr (std::is_same_v<Body, VoteRequest>) {
          OnVoteRequest(message, body);
        } else if constexpr (std::is_same_v<Body, VoteAnswer>) {
          OnVoteAnswer(message, body);
        } else if constexpr (std::is_same_v<Body, AppendRequest>) {
          OnAppendRequest(message, body, entries);
        } else if constexpr (std::is_same_v<Body, AppendAnswer>) {
          OnAppendAnswer(message, body);
        } else if constexpr (std::is_same_v<Body, SnapshotRequest>) {
          OnSnapshotRequest(message, body);
        } else {
          OnTransferNow(message);
        }
      },
      message.body);
  return Take();
}

QuorumEffects QuorumCore::PeerLost(const Voter& peer, MonotonicTime now) {
  now_ = now;
  unreachable_.insert(peer);
  if (is_leader()) {
    if (const auto it = progress_.find(peer); it != progress_.end()) {
      StartProbing(it->second);
    }
  } else if (leader_ == peer && !leader_lost_) {
    leader_lost_ = true;
    const auto& all = voters().voters();
    const auto before_me = std::count_if(all.begin(), all.end(), [&](const Voter& voter) {
      return voter < self_ && !unreachable_.contains(voter);
    });
    election_deadline_ =
        std::min(election_deadline_, now_ + options_.succession_step * static_cast<int>(before_me));
  }
  return Take();
}

QuorumEffects QuorumCore::PeerFound(const Voter& peer, MonotonicTime now) {
  now_ = now;
  unreachable_.erase(peer);
  if (is_leader()) {
    for (const auto& [voter, progress] : Peers()) {
      if (voter == peer) SendAppends(voter, *progress, /*heartbeat=*/true);
    }
  } else if (leader_ == peer) {
    leader_lost_ = false;
  }
  return Take();
}

QuorumEffects QuorumCore::Resign(MonotonicTime now) {
  now_ = now;
  if (!failed_) Follow(vote_.epoch, std::nullopt);
  return Take();
}

QuorumEffects QuorumCore::Form(const VoterSet& voters, MonotonicTime now) {
  now_ = now;
  if (log_.end_offset() > 0 || log_.voters().size() > 0) return Take();
  log_ = QuorumLogView({-1, 0}, voters);
  // The first of them need not wait for anybody.
  SetElectionDeadline();
  if (!HearsLeader() && voters.voters().front() == self_) election_deadline_ = now_;
  RoleChanged();
  return Take();
}

QuorumEffects QuorumCore::AddLearner(const Voter& learner, MonotonicTime now) {
  now_ = now;
  learners_.insert(learner);
  if (is_leader()) SendAppends();
  return Take();
}

absl::Status QuorumCore::MayChangeVoters(const VoterSet& next) const {
  if (!is_leader() || transferring()) return absl::UnavailableError("this voter does not lead");
  if (next.size() == 0) return absl::InvalidArgumentError("a quorum needs a voter");
  const bool one_at_a_time = !SOLITON_MUTANT("quorum_two_voter_changes_at_once");
  if (one_at_a_time && log_.voters_change()) {
    return absl::UnavailableError("another change of the voters is not committed yet");
  }
  // A leader that has committed nothing may not know the newest committed voters (the bug of
  // single-server changes that Raft's author found in 2015).
  if (one_at_a_time && committed_end() <= epoch_start_) {
    return absl::UnavailableError("the new leader has committed nothing yet");
  }
  if (!next.DiffersByOne(voters())) {
    return absl::InvalidArgumentError("voters are added and removed one at a time");
  }
  return absl::OkStatus();
}

MonotonicTime QuorumCore::deadline() const {
  if (!is_leader()) return election_deadline_;
  return transfer_until_ ? std::min(heartbeat_at_, *transfer_until_) : heartbeat_at_;
}

const PeerProgress* QuorumCore::ProgressOf(const Voter& peer) const {
  const auto it = progress_.find(peer);
  return it == progress_.end() ? nullptr : &it->second;
}

bool QuorumCore::IsHeard(const Voter& peer) const {
  if (peer == self_) return true;
  const PeerProgress* progress = ProgressOf(peer);
  return progress != nullptr && !unreachable_.contains(peer) &&
         now_ - progress->answered_at < options_.election_timeout;
}

int64_t QuorumCore::FlushedBy(const Voter& peer) const {
  if (peer == self_) {
    return SOLITON_MUTANT("quorum_leader_counts_unflushed") ? log_.end_offset()
                                                            : log_.flushed_end();
  }
  const auto it = progress_.find(peer);
  return it == progress_.end() ? 0 : it->second.flushed_end;
}

std::string QuorumCore::DebugString() const {
  const auto name = [](const std::optional<Voter>& voter) { return voter ? voter->node_id : -1; };
  std::string text = fmt::format(
      "{} epoch {} voted {} leader {}{}{} log {}:{} flushed {} committed {} verified {} since {}",
      QuorumRoleName(role_), vote_.epoch, name(vote_.voted_for), name(leader_),
      leader_lost_ ? " lost" : "", HearsLeader() ? " heard" : "", log_.end().epoch,
      log_.end_offset(), log_.flushed_end(), log_.committed_end(), verified_end_, epoch_start_);
  for (const Voter& voter : granted_) text += fmt::format(" vote {}", voter.node_id);
  for (const Voter& voter : unreachable_) text += fmt::format(" lost {}", voter.node_id);
  for (const auto& [voter, progress] : progress_) {
    text +=
        fmt::format(" [{}: {} next {} flushed {} {}{}]", voter.node_id,
                    static_cast<int>(progress.state), progress.next_offset, progress.flushed_end,
                    progress.asked ? "asked " : "", progress.in_flight.size());
  }
  for (const Voter& voter : voters().voters()) text += fmt::format(" voter {}", voter.node_id);
  if (transfer_until_) text += fmt::format(" hands over to {}", name(transfer_to_));
  return text;
}

void QuorumCore::Send(const Voter& to, int32_t epoch, decltype(QuorumMessage::body) body) {
  if (to != self_) effects_.messages.push_back({self_, to, epoch, std::move(body)});
}

void QuorumCore::Fail(absl::Status why) {
  failed_ = true;
  effects_.fatal = std::move(why);
}

QuorumEffects QuorumCore::Take() {
  QuorumEffects taken = std::exchange(effects_, {});
  if (taken.fatal.ok()) return taken;
  QuorumEffects only;
  only.fatal = std::move(taken.fatal);
  return only;
}

}  // namespace soliton::controller

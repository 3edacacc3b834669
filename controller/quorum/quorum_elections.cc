// Who leads: the elections of QuorumCore.
#include <algorithm>

#include "controller/quorum/quorum_core.h"
#include "runtime/base/check.h"
#include "runtime/base/mutant.h"

namespace soliton::controller {

void QuorumCore::SetElectionDeadline() {
  Duration base = options_.election_timeout;
  if (leader_lost_ || role_ == QuorumRole::kCandidate) {
    // There is no leader, or none that is heard from here: whoever else knows may be asked again
    // soon, and less and less often.
    base = std::min(base, options_.succession_step * (2 << std::min(attempts_, 10)));
  }
  const auto drawn = static_cast<int64_t>(random_.Below(static_cast<uint64_t>(base.count()) + 1));
  election_deadline_ = now_ + base + Duration(drawn);
}

bool QuorumCore::HearsLeader() const {
  if (is_leader()) return true;
  return leader_ && !leader_lost_ && now_ - heard_leader_at_ < options_.election_timeout;
}

void QuorumCore::StandForElection() {
  ++attempts_;
  role_ = QuorumRole::kProspective;
  leader_.reset();
  RoleChanged();
  granted_ = {self_};
  AskForVotes(/*pre_vote=*/true, /*transfer=*/false);
  SetElectionDeadline();
  CountVotes();
}

void QuorumCore::AskForVotes(bool pre_vote, bool transfer) {
  const int32_t epoch = pre_vote ? vote_.epoch + 1 : vote_.epoch;
  for (const Voter& voter : voters().voters()) {
    Send(voter, epoch,
         VoteRequest{.pre_vote = pre_vote, .transfer = transfer, .log_end = log_.end()});
  }
}

void QuorumCore::StartElection(bool transfer) {
  vote_ = {vote_.epoch + 1, self_};
  effects_.persist = vote_;
  role_ = QuorumRole::kCandidate;
  leader_.reset();
  RoleChanged();
  // The own vote counts once it is durable.
  granted_.clear();
  AskForVotes(/*pre_vote=*/false, transfer);
  SetElectionDeadline();
  if (SOLITON_MUTANT("quorum_own_vote_counts_at_once")) {
    granted_.insert(self_);
    CountVotes();
  }
}

QuorumEffects QuorumCore::VoteDurable(int32_t epoch) {
  if (role_ == QuorumRole::kCandidate && epoch == vote_.epoch && vote_.voted_for == self_) {
    granted_.insert(self_);
    CountVotes();
  }
  return Take();
}

void QuorumCore::CountVotes() {
  if (!voters().HasMajority([this](const Voter& voter) { return granted_.contains(voter); })) {
    return;
  }
  if (role_ == QuorumRole::kProspective) {
    StartElection(/*transfer=*/false);
  } else if (role_ == QuorumRole::kCandidate) {
    BecomeLeader();
  }
}

void QuorumCore::BecomeLeader() {
  role_ = QuorumRole::kLeader;
  leader_ = self_;
  attempts_ = 0;
  leader_lost_ = false;
  epoch_start_ = log_.end_offset();
  progress_.clear();
  EndTransfer();
  RoleChanged();
  heartbeat_at_ = now_;
  Lead();
}

void QuorumCore::Follow(int32_t epoch, const std::optional<Voter>& leader) {
  CHECK(epoch >= vote_.epoch, "back from epoch {} to {}", vote_.epoch, epoch);
  const bool anew = epoch != vote_.epoch || leader_ != leader || role_ != QuorumRole::kFollower;
  if (epoch > vote_.epoch) {
    vote_ = {epoch, std::nullopt};
    effects_.persist = vote_;
  }
  if (anew) {
    RoleChanged();
    verified_end_ = log_.committed_end();
    role_ = QuorumRole::kFollower;
    leader_ = leader;
    progress_.clear();
    EndTransfer();
  }
  leader_lost_ = false;
  if (leader) {
    attempts_ = 0;
    heard_leader_at_ = now_;
  }
  SetElectionDeadline();
}

void QuorumCore::OnVoteRequest(const QuorumMessage& message, const VoteRequest& request) {
  const auto answer = [&](int32_t epoch, bool granted) {
    Send(message.from, epoch, VoteAnswer{.pre_vote = request.pre_vote, .granted = granted});
  };
  const bool up_to_date =
      SOLITON_MUTANT("quorum_votes_for_shorter_log") || request.log_end >= log_.end();
  const bool leader_lives =
      !SOLITON_MUTANT("quorum_votes_beside_a_leader") && !request.transfer && HearsLeader();
  if (request.pre_vote) {
    const bool granted = message.epoch > vote_.epoch && up_to_date && !leader_lives;
    return answer(granted ? message.epoch : vote_.epoch, granted);
  }
  if (message.epoch < vote_.epoch || leader_lives) return answer(vote_.epoch, false);
  if (message.epoch > vote_.epoch) Follow(message.epoch, std::nullopt);
  const bool free =
      SOLITON_MUTANT("quorum_votes_twice") || !vote_.voted_for || vote_.voted_for == message.from;
  const bool granted = free && up_to_date && !leader_;
  if (granted) {
    Follow(vote_.epoch, std::nullopt);
    vote_.voted_for = message.from;
    if (!SOLITON_MUTANT("quorum_vote_is_not_kept")) effects_.persist = vote_;
  }
  answer(vote_.epoch, granted);
}

void QuorumCore::OnVoteAnswer(const QuorumMessage& message, const VoteAnswer& answer) {
  if (answer.pre_vote && answer.granted) {
    if (role_ != QuorumRole::kProspective || message.epoch != vote_.epoch + 1) return;
  } else {
    if (message.epoch > vote_.epoch) return Follow(message.epoch, std::nullopt);
    if (!answer.granted || role_ != QuorumRole::kCandidate || message.epoch != vote_.epoch) return;
  }
  granted_.insert(message.from);
  CountVotes();
}

void QuorumCore::OnTransferNow(const QuorumMessage& message) {
  if (message.epoch != vote_.epoch || leader_ != message.from) return;
  if (log_.MayVote(self_)) StartElection(/*transfer=*/true);
}

bool QuorumCore::MajorityAnswers() const {
  return voters().HasMajority([this](const Voter& voter) {
    if (voter == self_) return true;
    const auto it = progress_.find(voter);
    return it == progress_.end() || now_ - it->second.answered_at < options_.election_timeout;
  });
}

void QuorumCore::Lead() {
  if (transfer_until_ && now_ >= *transfer_until_) EndTransfer();
  if (!SOLITON_MUTANT("quorum_leader_stays_alone") && !MajorityAnswers()) {
    return Follow(vote_.epoch, std::nullopt);
  }
  if (now_ < heartbeat_at_) return;
  heartbeat_at_ = now_ + options_.heartbeat_interval;
  for (const auto& [voter, progress] : Peers()) SendAppends(voter, *progress, /*heartbeat=*/true);
}

QuorumEffects QuorumCore::Transfer(MonotonicTime now) {
  now_ = now;
  if (!is_leader()) return Take();
  transfer_to_ = Successor();
  if (!transfer_to_) return Take();
  transfer_until_ = now_ + options_.election_timeout;
  GoOnTransferring();
  return Take();
}

void QuorumCore::GoOnTransferring() {
  if (!transfer_to_ || FlushedBy(*transfer_to_) < log_.end_offset()) return;
  Send(*transfer_to_, vote_.epoch, TransferNow{});
  transfer_to_.reset();
}

std::optional<Voter> QuorumCore::Successor() const {
  std::optional<Voter> best;
  for (const Voter& voter : voters().voters()) {
    if (voter == self_ || unreachable_.contains(voter)) continue;
    if (!best || FlushedBy(voter) > FlushedBy(*best)) best = voter;
  }
  return best;
}

}  // namespace soliton::controller

// How the leader's log gets to the others and what of it is committed: the replication of
// QuorumCore.
#include <fmt/format.h>

#include <algorithm>

#include "controller/quorum/quorum_core.h"
#include "runtime/base/check.h"
#include "runtime/base/mutant.h"

namespace soliton::controller {

using State = PeerProgress::State;

// ---- leader ----

std::vector<std::pair<Voter, PeerProgress*>> QuorumCore::Peers() {
  std::vector<std::pair<Voter, PeerProgress*>> peers;
  const auto add = [&](const Voter& peer) {
    if (peer == self_) return;
    const auto [it, is_new] = progress_.try_emplace(peer);
    if (is_new) {
      it->second.next_offset = log_.end_offset();
      it->second.answered_at = now_;
    }
    peers.emplace_back(peer, &it->second);
  };
  for (const Voter& voter : voters().voters()) add(voter);
  for (const Voter& learner : learners_) {
    if (!voters().Contains(learner)) add(learner);
  }
  return peers;
}

QuorumEffects QuorumCore::Appended(const QuorumEntry& entry) {
  CHECK(is_leader() && entry.epoch == vote_.epoch, "{} appends in epoch {}, is {} of epoch {}",
        self_.ToString(), entry.epoch, QuorumRoleName(role_), vote_.epoch);
  log_.Append(entry);
  SendAppends();
  return Take();
}

void QuorumCore::StartProbing(PeerProgress& progress) {
  progress.state = State::kProbe;
  progress.asked = false;
  progress.in_flight.clear();
}

void QuorumCore::SendSnapshot(const Voter& peer, PeerProgress& progress) {
  progress.state = State::kSnapshot;
  progress.snapshot_at = now_;
  effects_.send_snapshot.push_back(peer);
}

void QuorumCore::SendAppends() {
  for (const auto& [peer, progress] : Peers()) SendAppends(peer, *progress, /*heartbeat=*/false);
}

void QuorumCore::SendAppends(const Voter& peer, PeerProgress& progress, bool heartbeat) {
  if (unreachable_.contains(peer)) return;
  if (progress.state != State::kSnapshot && progress.next_offset < log_.start().offset) {
    SendSnapshot(peer, progress);
  }
  switch (progress.state) {
    case State::kProbe:
      if (heartbeat || !progress.asked) SendOneAppend(peer, progress);
      return;
    case State::kReplicate:
      while (HasRoom(progress) && progress.next_offset < log_.end_offset()) {
        SendOneAppend(peer, progress);
        heartbeat = false;
      }
      if (heartbeat) SendOneAppend(peer, progress);
      return;
    case State::kSnapshot:
      if (!heartbeat) return;
      // So that it hears that there is a leader.
      Send(peer, vote_.epoch, AppendRequest{.committed_end = log_.committed_end()});
      if (now_ - progress.snapshot_at >= options_.election_timeout) SendSnapshot(peer, progress);
      return;
  }
}

void QuorumCore::SendOneAppend(const Voter& peer, PeerProgress& progress) {
  const int64_t from = progress.next_offset;
  int64_t end = from;
  if (from < log_.end_offset() && HasRoom(progress)) {
    end = std::min(slice_end_(from), log_.end_offset());
    CHECK(end > from, "nothing fits into a message at {}", from);
  }
  Send(peer, vote_.epoch,
       AppendRequest{.after = {log_.EpochBefore(from), from},
                     .end_offset = end,
                     .committed_end = log_.committed_end()});
  if (progress.state == State::kProbe) {
    progress.asked = true;
  } else if (end > from) {
    progress.in_flight.push_back(end);
    progress.next_offset = end;
  }
}

bool QuorumCore::HasRoom(const PeerProgress& progress) const {
  return progress.in_flight.size() < static_cast<size_t>(options_.max_requests_in_flight);
}

void QuorumCore::OnAppendAnswer(const QuorumMessage& message, const AppendAnswer& answer) {
  if (message.epoch > vote_.epoch) return Follow(message.epoch, std::nullopt);
  if (!is_leader() || message.epoch < vote_.epoch) return;
  const auto it = progress_.find(message.from);
  if (it == progress_.end()) return;
  // What it cannot have, it does not have.
  if (answer.verified_end > log_.end_offset()) return;
  PeerProgress& progress = it->second;
  progress.answered_at = now_;
  if (answer.matched) {
    progress.flushed_end = std::max(progress.flushed_end, answer.flushed_end);
    if (progress.flushed_end >= log_.end_offset()) progress.caught_up_at = now_;
    while (!progress.in_flight.empty() && progress.in_flight.front() <= answer.verified_end) {
      progress.in_flight.pop_front();
    }
    if (progress.state == State::kProbe && answer.is_answer) {
      progress.state = State::kReplicate;
      progress.next_offset = std::max(progress.flushed_end, answer.verified_end);
    } else if (progress.state == State::kSnapshot && answer.flushed_end >= log_.start().offset) {
      StartProbing(progress);
      progress.next_offset = answer.flushed_end;
    }
    AdvanceCommit();
    if (!is_leader()) return;
  } else if (progress.state == State::kReplicate ||
             (progress.state == State::kProbe && answer.after_offset == progress.next_offset)) {
    StartProbing(progress);
    const LogPosition agreed = log_.LastAgreement(answer.hint);
    progress.next_offset = agreed.offset;
    // Nothing that is still here agrees.
    if (agreed.offset > answer.hint.offset || agreed.epoch > answer.hint.epoch) {
      SendSnapshot(message.from, progress);
    }
  }
  SendAppends(message.from, progress, /*heartbeat=*/false);
  GoOnTransferring();
}

QuorumEffects QuorumCore::Flushed(int64_t end_offset) {
  if (end_offset <= log_.flushed_end()) return Take();
  log_.SetFlushed(end_offset);
  if (is_leader()) {
    AdvanceCommit();
  } else if (leader_) {
    Send(*leader_, vote_.epoch,
         AppendAnswer{.is_answer = false,
                      .matched = true,
                      .verified_end = verified_end_,
                      .flushed_end = std::min(log_.flushed_end(), verified_end_)});
  }
  return Take();
}

void QuorumCore::AdvanceCommit() {
  const int64_t reached =
      voters().ReachedByMajority([this](const Voter& voter) { return FlushedBy(voter); });
  const bool own_epoch =
      SOLITON_MUTANT("quorum_commits_older_epochs_by_count") || reached > epoch_start_;
  if (reached > committed_end() && own_epoch) CommitTo(reached);
}

void QuorumCore::CommitTo(int64_t end_offset) {
  if (end_offset <= committed_end()) return;
  log_.SetCommitted(end_offset);
  effects_.committed_end = end_offset;
  if (!is_leader()) return;
  for (const auto& [peer, progress] : Peers()) {
    const bool idle = progress->state == State::kReplicate && progress->in_flight.empty();
    if (idle) SendAppends(peer, *progress, /*heartbeat=*/true);
  }
  // Whoever removed itself leads until that is committed.
  if (log_.voters_change() || voters().Contains(self_)) return;
  if (const std::optional<Voter> next = Successor()) Send(*next, vote_.epoch, TransferNow{});
  Follow(vote_.epoch, std::nullopt);
}

// ---- follower ----

void QuorumCore::OnAppendRequest(const QuorumMessage& message, const AppendRequest& request,
                                 std::span<const QuorumEntry> entries) {
  AppendAnswer answer{.after_offset = request.after.offset};
  if (message.epoch < vote_.epoch && !SOLITON_MUTANT("quorum_old_leader_appends")) {
    return Send(message.from, vote_.epoch, answer);
  }
  if (is_leader() && message.epoch == vote_.epoch) {
    return Fail(absl::DataLossError(fmt::format("{} and {} both lead epoch {}", self_.ToString(),
                                                message.from.ToString(), vote_.epoch)));
  }
  Follow(std::max(message.epoch, vote_.epoch), message.from);
  // What a snapshot covers is committed, hence the same everywhere.
  const bool matched = request.after.offset < log_.start().offset ||
                       (request.after.offset <= log_.end_offset() &&
                        log_.EpochBefore(request.after.offset) == request.after.epoch);
  if (!matched && !(SOLITON_MUTANT("quorum_appends_without_match") &&
                    request.after.offset <= log_.end_offset())) {
    answer.hint = log_.LastAgreement(request.after);
    return Send(message.from, vote_.epoch, answer);
  }
  TakeEntries(entries);
  if (failed_) return;
  verified_end_ = std::max({verified_end_, request.end_offset, log_.start().offset});
  if (verified_end_ > log_.end_offset()) {
    return Fail(absl::DataLossError(
        fmt::format("{} says that it sent records up to {}, the log ends at {}",
                    message.from.ToString(), verified_end_, log_.end_offset())));
  }
  const int64_t known =
      SOLITON_MUTANT("quorum_commits_unverified") ? log_.end_offset() : verified_end_;
  CommitTo(std::min(request.committed_end, known));
  answer.matched = true;
  answer.verified_end = verified_end_;
  answer.flushed_end = SOLITON_MUTANT("quorum_answers_before_flush")
                           ? verified_end_
                           : std::min(log_.flushed_end(), verified_end_);
  Send(message.from, vote_.epoch, answer);
}

void QuorumCore::TakeEntries(std::span<const QuorumEntry> entries) {
  for (const QuorumEntry& entry : entries) {
    if (entry.end_offset <= log_.start().offset) continue;
    if (entry.base_offset < log_.end_offset()) {
      if (log_.EpochBefore(entry.base_offset + 1) == entry.epoch) continue;
      if (entry.base_offset < committed_end()) {
        return Fail(absl::DataLossError(fmt::format(
            "records from {} on are committed up to {}, the leader of epoch {} has others there",
            entry.base_offset, committed_end(), vote_.epoch)));
      }
      effects_.truncate_to = entry.base_offset;
      log_.TruncateTo(entry.base_offset);
      verified_end_ = std::min(verified_end_, entry.base_offset);
    }
    if (entry.base_offset != log_.end_offset() || entry.epoch < log_.end().epoch) {
      return Fail(absl::DataLossError(
          fmt::format("records from {} on of epoch {} do not follow on offset {} of epoch {}",
                      entry.base_offset, entry.epoch, log_.end_offset(), log_.end().epoch)));
    }
    log_.Append(entry);
    effects_.append.push_back(entry);
  }
}

void QuorumCore::OnSnapshotRequest(const QuorumMessage& message, const SnapshotRequest& request) {
  if (message.epoch < vote_.epoch || is_leader()) return;
  Follow(message.epoch, message.from);
  const LogPosition end = request.end;
  const bool has_it = end.offset <= committed_end() || (end.offset <= log_.end_offset() &&
                                                        log_.EpochBefore(end.offset) == end.epoch);
  if (!has_it) {
    effects_.install_snapshot = end;
    return;
  }
  verified_end_ = std::max(verified_end_, end.offset);
  Send(message.from, vote_.epoch,
       AppendAnswer{.is_answer = false,
                    .matched = true,
                    .verified_end = verified_end_,
                    .flushed_end = std::min(log_.flushed_end(), verified_end_)});
}

QuorumEffects QuorumCore::SnapshotInstalled(LogPosition end, VoterSet voters) {
  if (end.offset <= committed_end()) return Take();
  log_ = QuorumLogView(end, std::move(voters));
  verified_end_ = end.offset;
  effects_.committed_end = end.offset;
  if (leader_ && !is_leader()) {
    Send(*leader_, vote_.epoch,
         AppendAnswer{.is_answer = false,
                      .matched = true,
                      .verified_end = verified_end_,
                      .flushed_end = verified_end_});
  }
  return Take();
}

}  // namespace soliton::controller

// The numbers of this voter's lives and of the others': see VoterLives.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "controller/quorum/quorum_replica.h"
#include "controller/quorum/vote_file.h"

namespace soliton::controller {
namespace {

// While records are acknowledged. A copy of the disk that is younger may go unnoticed; each costs a
// small write that nothing waits for.
constexpr Duration kLifeInterval = seconds(5);

}  // namespace

absl::Status QuorumReplica::BeginProcess(VoteFile* file) {
  if (file->is_older_copy) {
    return absl::DataLossError(fmt::format(
        "{} is an older copy of itself (a backup, or a snapshot of the machine), as the other "
        "controllers have said: it may have forgotten whom it voted for and what it acknowledged. "
        "Put the newest state back, or remove all of it and let it join as a new one",
        DirectoryOf(options_.directory)));
  }
  life_ = ++file->life;
  file->processes.push_back({Uuid::Generate(shard_.random()), life_});
  if (file->processes.size() > kMaxEarlierProcesses + 1) {
    file->processes.erase(file->processes.begin());
  }
  if (absl::Status begun = WriteVote(files_, vote_path(), *file); !begun.ok()) return begun;
  processes_ = file->processes;
  durable_life_ = life_;
  last_life_at_ = now();
  return absl::OkStatus();
}

VoterPast QuorumReplica::past() const {
  const VoterLife& present = processes_.back();
  return {.first_life = present.number,
          .life = {present.process, durable_life_},
          .earlier = {processes_.begin(), processes_.end() - 1}};
}

VoteFile QuorumReplica::NextVoteFile(const VoteState& vote) {
  last_life_at_ = now();
  lives_.Forget([this](const Uuid& directory_id) {
    const auto is_it = [&](const Voter& voter) { return voter.directory_id == directory_id; };
    const std::vector<Voter>& voters = core_->voters().voters();
    return std::none_of(voters.begin(), voters.end(), is_it) &&
           std::none_of(found_.begin(), found_.end(), is_it);
  });
  return {.vote = vote,
          .life = ++life_,
          .processes = processes_,
          .is_older_copy = is_older_copy_,
          .peers = lives_.known()};
}

void QuorumReplica::HearLife(const Voter& peer, const VoterLife& life) {
  if (failed_ || closed_ || !lives_.Hear(peer.directory_id, life)) return;
  BeginLife();
}

// It takes no part from now on, and ends when the disk says so too: the processes after this one
// need not be refused once more each.
void QuorumReplica::GiveUpAsOlder(const absl::Status& why) {
  if (failed_ || closed_) return;
  failed_ = true;
  is_older_copy_ = true;
  shard_.CancelTimer(std::exchange(timer_, 0));
  if (std::exchange(told_leading_, false)) listener_.OnDeposed();
  beginning_life_ = true;
  const absl::Status failure = absl::DataLossError(fmt::format(
      "{} (it is {} here)", std::string(why.message()), DirectoryOf(options_.directory)));
  OnDisk(
      DiskLane::kLog,
      [file = NextVoteFile(core_->vote()), files = &files_, path = vote_path(), failure] {
        // Where that fails the next process is refused as this one was.
        (void)WriteVote(*files, path, file);
      },
      [this, failure] {
        beginning_life_ = false;
        if (closing_) return FinishClose();
        listener_.OnFailed(failure);
      });
}

void QuorumReplica::BeginLifeIfDue() {
  if (now() - last_life_at_ >= kLifeInterval) BeginLife();
}

void QuorumReplica::BeginLife() {
  if (beginning_life_) {
    begin_another_life_ = true;
    return;
  }
  beginning_life_ = true;
  auto result = std::make_shared<absl::Status>();
  const VoteFile file = NextVoteFile(core_->vote());
  OnDisk(
      DiskLane::kLog,
      [result, file, files = &files_, path = vote_path()] {
        *result = WriteVote(*files, path, file);
      },
      [this, result, life = file.life] {
        beginning_life_ = false;
        if (closing_) return FinishClose();
        if (failed_) return;
        if (!result->ok()) return Fail(*result);
        durable_life_ = std::max(durable_life_, life);
        if (std::exchange(begin_another_life_, false)) BeginLife();
      });
}

}  // namespace soliton::controller

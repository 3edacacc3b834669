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

VoteFile QuorumReplica::NextVoteFile(const VoteState& vote) {
  last_life_at_ = now();
  lives_.Forget([this](const Uuid& directory_id) {
    const auto is_it = [&](const Voter& voter) { return voter.directory_id == directory_id; };
    const std::vector<Voter>& voters = core_->voters().voters();
    return std::none_of(voters.begin(), voters.end(), is_it) &&
           std::none_of(found_.begin(), found_.end(), is_it);
  });
  return {.vote = vote, .life = ++life_, .peers = lives_.known()};
}

void QuorumReplica::HearLife(const Voter& peer, const VoterLife& life) {
  if (failed_ || closed_ || !lives_.Hear(peer.directory_id, life)) return;
  BeginLife();
}

void QuorumReplica::GiveUpAsOlder(const absl::Status& why) {
  Fail(absl::DataLossError(fmt::format("{} (it is {} here)", std::string(why.message()),
                                       DirectoryOf(options_.directory))));
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

#include "controller/quorum/voter_lives.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"

namespace soliton::controller {
namespace {

// Whose life `number` was, as the disk knows it; null: it does not know.
const VoterLife* OwnerOf(int64_t number, const std::vector<VoterLife>& earlier) {
  const VoterLife* owner = nullptr;
  for (const VoterLife& process : earlier) {
    if (process.number > number) continue;
    if (owner == nullptr || process.number > owner->number) owner = &process;
  }
  return owner;
}

}  // namespace

absl::Status VoterLives::Check(const Voter& who, const VoterPast& past) const {
  const auto it = known_.find(who.directory_id);
  if (it == known_.end() || past.first_life == 0) return absl::OkStatus();
  const VoterLife& known = it->second;
  const bool goes_on = past.life.process == known.process && past.life.number >= known.number;
  const VoterLife* owner = OwnerOf(known.number, past.earlier);
  const bool another_past = owner != nullptr && owner->process != known.process;
  const bool began_since = past.first_life > known.number && !another_past;
  if (goes_on || began_since || SOLITON_MUTANT("quorum_older_disks_vote")) return absl::OkStatus();
  SOMETIMES("a voter came with an older copy of its disk");
  return absl::DataLossError(fmt::format(
      "the data directory of controller {} is an older copy of itself (a backup, or a snapshot of "
      "the machine): it begins its life {}, and was heard in life {}{}. It may have forgotten whom "
      "it voted for and what it acknowledged. Put the newest state back, or remove all of its data "
      "directory and let it join as a new one",
      who.node_id, past.first_life, known.number,
      past.first_life > known.number ? ", which was another one" : ""));
}

bool VoterLives::Hear(const Uuid& directory_id, const VoterLife& life) {
  if (life.number == 0) return false;
  VoterLife& known = known_[directory_id];
  const bool is_new = known.process != life.process;
  known = {life.process, std::max(known.number, life.number)};
  return is_new;
}

void VoterLives::Forget(absl::FunctionRef<bool(const Uuid&)> may_go) {
  std::erase_if(known_, [&](const auto& entry) { return may_go(entry.first); });
}

}  // namespace soliton::controller

// How a voter whose disk holds an older copy of itself (a snapshot of the machine, a backup) is
// told from one that only was away: both lack what the others have, but the older copy has also
// forgotten what it promised, and might vote twice or take back what it acknowledged (S59).
//
// Each voter numbers its lives: the number in its vote file rises when its process begins, with
// every vote, and now and then while it acknowledges records. It says it with everything that it
// says, and the others keep the largest. A process that begins with a number not above that one
// comes from a disk that is older than what was heard of it. So does one that begins above it and
// whose disk says that the number was another process's: an older copy that was started several
// times before it met whoever remembers. A disk that was refused is marked, and no process takes
// part with it any more.
//
// What nobody who is there remembers cannot be noticed: a copy that is put back within moments of
// being made, or one whose witnesses are all gone; nor one that was started more than
// kMaxEarlierProcesses times before it met one of them. Pure; one owner.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "controller/quorum/voter_set.h"
#include "runtime/base/uuid.h"

namespace soliton::controller {

struct VoterLife {
  Uuid process;  // drawn when it began
  int64_t number = 0;
  friend bool operator==(const VoterLife&, const VoterLife&) = default;
};

// Of the process that says hello.
struct VoterPast {
  int64_t first_life = 0;  // when it began; 0: of a release that does not count
  VoterLife life;          // now
  // The processes of this disk before it, with the number that each began with, ascending; the
  // last kMaxEarlierProcesses.
  std::vector<VoterLife> earlier = {};
};
inline constexpr size_t kMaxEarlierProcesses = 32;

class VoterLives {
 public:
  // By directory id.
  using Known = std::map<Uuid, VoterLife>;

  VoterLives() = default;
  explicit VoterLives(Known known) : known_(std::move(known)) {}

  // kDataLoss, with what to do, for a disk that is older than what was heard of it.
  absl::Status Check(const Voter& who, const VoterPast& past) const;
  // True when nothing was known of this process: worth writing down soon.
  bool Hear(const Uuid& directory_id, const VoterLife& life);
  void Forget(absl::FunctionRef<bool(const Uuid&)> may_go);
  const Known& known() const { return known_; }

 private:
  Known known_;
};

}  // namespace soliton::controller

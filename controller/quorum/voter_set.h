// Who votes. A voter is a node with a disk: one that lost its disk comes back as somebody else, who
// has promised nothing and whom nobody counts until the set names it (KIP-853).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "runtime/base/uuid.h"

namespace soliton::controller {

struct Voter {
  int32_t node_id = -1;
  Uuid directory_id;

  std::string ToString() const;
  friend auto operator<=>(const Voter&, const Voter&) = default;
};

class VoterSet {
 public:
  VoterSet() = default;
  // CHECKs that no node is named twice.
  explicit VoterSet(std::vector<Voter> voters);

  bool Contains(const Voter& voter) const;
  size_t size() const { return voters_.size(); }
  size_t majority() const { return voters_.size() / 2 + 1; }
  // Whether more than half are such. Never true of an empty set.
  bool HasMajority(absl::FunctionRef<bool(const Voter&)> is_such) const;
  // The largest value that more than half have reached; CHECKs that there are voters.
  int64_t ReachedByMajority(absl::FunctionRef<int64_t(const Voter&)> value_of) const;
  // Whether one voter is in only one of the sets: any majority of one shares a voter with any of
  // the other then, so changes of this kind need no joint consensus (Raft dissertation,
  // section 4.1).
  bool DiffersByOne(const VoterSet& other) const;

  const std::vector<Voter>& voters() const { return voters_; }
  friend bool operator==(const VoterSet&, const VoterSet&) = default;

 private:
  std::vector<Voter> voters_;  // ascending
};

}  // namespace soliton::controller

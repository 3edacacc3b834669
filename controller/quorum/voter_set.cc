#include "controller/quorum/voter_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "runtime/base/check.h"

namespace soliton::controller {

std::string Voter::ToString() const {
  return fmt::format("{}/{}", node_id, directory_id.ToString());
}

VoterSet::VoterSet(std::vector<Voter> voters) : voters_(std::move(voters)) {
  std::sort(voters_.begin(), voters_.end());
  for (size_t i = 1; i < voters_.size(); ++i) {
    CHECK(voters_[i - 1].node_id != voters_[i].node_id, "node {} is two voters",
          voters_[i].node_id);
  }
}

bool VoterSet::Contains(const Voter& voter) const {
  return std::binary_search(voters_.begin(), voters_.end(), voter);
}

bool VoterSet::HasMajority(absl::FunctionRef<bool(const Voter&)> is_such) const {
  const auto count = std::count_if(voters_.begin(), voters_.end(), is_such);
  return !voters_.empty() && static_cast<size_t>(count) >= majority();
}

int64_t VoterSet::ReachedByMajority(absl::FunctionRef<int64_t(const Voter&)> value_of) const {
  CHECK(!voters_.empty(), "nobody votes");
  std::vector<int64_t> values;
  for (const Voter& voter : voters_) values.push_back(value_of(voter));
  std::sort(values.begin(), values.end(), std::greater<>());
  return values[majority() - 1];
}

bool VoterSet::DiffersByOne(const VoterSet& other) const {
  const auto missing_from = [](const VoterSet& set, const VoterSet& from) {
    return std::count_if(set.voters_.begin(), set.voters_.end(),
                         [&](const Voter& voter) { return !from.Contains(voter); });
  };
  return missing_from(*this, other) + missing_from(other, *this) == 1;
}

}  // namespace soliton::controller

// What is next on the way to one voter more, or less, in the metadata quorum (KIP-853): asked again
// with every look at the quorum. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/cluster_view.h"
#include "cli/errors.h"

namespace soliton::cli {

struct QuorumChange {
  bool add = false;
  int32_t node_id = -1;
  // Which of the node's disks is meant; unset: the one that it has now, or that votes.
  std::optional<Uuid> directory_id = std::nullopt;

  std::string ToString() const;  // "add node 4"
};

struct QuorumChangeStep {
  enum class Kind {
    kAsk,   // for the change, of this disk, reached at this address
    kWait,  // because of `error`, and look again
    kDone,  // it is so
    kFail,  // with `error`
  };
  Kind kind = Kind::kFail;
  Uuid directory_id = {};
  Endpoint endpoint = {};
  CliError error = {};
};

// `asked_for`: the disk of a request that was sent before, whose outcome is not known.
QuorumChangeStep NextStep(const QuorumView& view, const QuorumChange& change,
                          const std::optional<Uuid>& asked_for);

// Nodes with a vote, ascending; and as "1,2,3".
std::vector<int64_t> VoterIds(const QuorumView& view);
std::string VotersText(const QuorumView& view);

}  // namespace soliton::cli

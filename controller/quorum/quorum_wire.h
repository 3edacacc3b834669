// Between what voters say and its frames. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "controller/quorum/quorum.pb.h"
#include "controller/quorum/quorum_message.h"

namespace soliton::controller {

Voter FromPb(const pb::Voter& voter);
void ToPb(const Voter& voter, pb::Voter* out);

// The frame of `message`, without the records of an AppendRequest.
pb::QuorumFrame ToFrame(const QuorumMessage& message);

// kInvalidArgument for what no voter sends: no body, a hello, positions and ends below zero or out
// of order.
absl::StatusOr<QuorumMessage> FromFrame(const pb::QuorumFrame& frame);

}  // namespace soliton::controller

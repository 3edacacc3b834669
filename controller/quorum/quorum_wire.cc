#include "controller/quorum/quorum_wire.h"

#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

// No quorum elects that often; above it epochs could not be counted on.
constexpr int32_t kMaxEpoch = 1 << 30;

LogPosition FromPb(const pb::LogPosition& position) {
  return {position.epoch(), position.offset()};
}
void ToPb(const LogPosition& position, pb::LogPosition* out) {
  out->set_epoch(position.epoch);
  out->set_offset(position.offset);
}

bool IsSound(const LogPosition& at) { return at.epoch >= -1 && at.offset >= 0; }
bool IsSound(const VoteRequest& body) { return IsSound(body.log_end); }
bool IsSound(const VoteAnswer&) { return true; }
bool IsSound(const AppendRequest& body) {
  return IsSound(body.after) && body.end_offset >= body.after.offset && body.committed_end >= 0;
}
bool IsSound(const AppendAnswer& body) {
  return body.after_offset >= 0 && body.flushed_end >= 0 && body.verified_end >= body.flushed_end &&
         IsSound(body.hint);
}
bool IsSound(const SnapshotRequest& body) { return IsSound(body.end); }
bool IsSound(const TransferNow&) { return true; }

void Write(const VoteRequest& body, pb::QuorumFrame& frame) {
  pb::QuorumVoteRequest* out = frame.mutable_vote_request();
  out->set_pre_vote(body.pre_vote);
  out->set_transfer(body.transfer);
  ToPb(body.log_end, out->mutable_log_end());
}
void Write(const VoteAnswer& body, pb::QuorumFrame& frame) {
  pb::QuorumVoteAnswer* out = frame.mutable_vote_answer();
  out->set_pre_vote(body.pre_vote);
  out->set_granted(body.granted);
}
void Write(const AppendRequest& body, pb::QuorumFrame& frame) {
  pb::QuorumAppendRequest* out = frame.mutable_append_request();
  ToPb(body.after, out->mutable_after());
  out->set_end_offset(body.end_offset);
  out->set_committed_end(body.committed_end);
}
void Write(const AppendAnswer& body, pb::QuorumFrame& frame) {
  pb::QuorumAppendAnswer* out = frame.mutable_append_answer();
  out->set_is_answer(body.is_answer);
  out->set_matched(body.matched);
  out->set_after_offset(body.after_offset);
  out->set_verified_end(body.verified_end);
  out->set_flushed_end(body.flushed_end);
  ToPb(body.hint, out->mutable_hint());
}
void Write(const SnapshotRequest& body, pb::QuorumFrame& frame) {
  ToPb(body.end, frame.mutable_snapshot_request()->mutable_end());
}
void Write(const TransferNow&, pb::QuorumFrame& frame) { frame.mutable_transfer_now(); }

decltype(QuorumMessage::body) Body(const pb::QuorumFrame& frame) {
  switch (frame.body_case()) {
    case pb::QuorumFrame::kVoteRequest: {
      const pb::QuorumVoteRequest& in = frame.vote_request();
      return VoteRequest{
          .pre_vote = in.pre_vote(), .transfer = in.transfer(), .log_end = FromPb(in.log_end())};
    }
    case pb::QuorumFrame::kVoteAnswer:
      return VoteAnswer{.pre_vote = frame.vote_answer().pre_vote(),
                        .granted = frame.vote_answer().granted()};
    case pb::QuorumFrame::kAppendRequest: {
      const pb::QuorumAppendRequest& in = frame.append_request();
      return AppendRequest{.after = FromPb(in.after()),
                           .end_offset = in.end_offset(),
                           .committed_end = in.committed_end()};
    }
    case pb::QuorumFrame::kAppendAnswer: {
      const pb::QuorumAppendAnswer& in = frame.append_answer();
      return AppendAnswer{.is_answer = in.is_answer(),
                          .matched = in.matched(),
                          .after_offset = in.after_offset(),
                          .verified_end = in.verified_end(),
                          .flushed_end = in.flushed_end(),
                          .hint = FromPb(in.hint())};
    }
    case pb::QuorumFrame::kSnapshotRequest:
      return SnapshotRequest{.end = FromPb(frame.snapshot_request().end())};
    case pb::QuorumFrame::kTransferNow:
    case pb::QuorumFrame::kHello:
    case pb::QuorumFrame::kKnownVoters:
    case pb::QuorumFrame::BODY_NOT_SET:
      break;
  }
  return TransferNow{};
}

}  // namespace

Voter FromPb(const pb::Voter& voter) { return {voter.node_id(), FromPb(voter.directory_id())}; }

void ToPb(const Voter& voter, pb::Voter* out) {
  out->set_node_id(voter.node_id);
  ToPb(voter.directory_id, out->mutable_directory_id());
}

pb::QuorumFrame ToFrame(const QuorumMessage& message) {
  pb::QuorumFrame frame;
  ToPb(message.from, frame.mutable_from());
  ToPb(message.to, frame.mutable_to());
  frame.set_epoch(message.epoch);
  std::visit([&](const auto& body) { Write(body, frame); }, message.body);
  return frame;
}

absl::StatusOr<QuorumMessage> FromFrame(const pb::QuorumFrame& frame) {
  if (frame.body_case() == pb::QuorumFrame::BODY_NOT_SET || frame.has_hello()) {
    return absl::InvalidArgumentError("a frame that is nothing a voter says");
  }
  QuorumMessage message{.from = FromPb(frame.from()),
                        .to = FromPb(frame.to()),
                        .epoch = frame.epoch(),
                        .body = Body(frame)};
  const bool sound = std::visit([](const auto& body) { return IsSound(body); }, message.body);
  if (!sound || message.epoch < 0 || message.epoch > kMaxEpoch) {
    return absl::InvalidArgumentError("a voter's message with numbers that cannot be");
  }
  return message;
}

}  // namespace soliton::controller

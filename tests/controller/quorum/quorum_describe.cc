// What there is to tell: the texts of QuorumWorld.
#include <fmt/format.h>

#include "tests/controller/quorum/quorum_world.h"

namespace soliton::controller {

std::string QuorumWorld::Fingerprint() const {
  std::string text;
  for (int i = 0; i < size(); ++i) {
    const Node& at = nodes_[Index(i)];
    text += up(i) ? core(i).DebugString() : "down";
    text += fmt::format(" disk {} {} {}", at.vote.epoch,
                        at.vote.voted_for ? at.vote.voted_for->node_id : -1, at.flushed_end);
    for (const StoredBatch& batch : at.log) {
      text += fmt::format(" {}/{}", batch.entry.epoch, batch.content);
    }
    if (at.persisting) text += fmt::format(" writes {}", at.persisting->epoch);
    if (at.flushing) text += fmt::format(" flushes {}", *at.flushing);
    for (const QuorumMessage& message : at.gate) text += "; " + Describe(message);
    text += "\n";
  }
  for (const Packet& packet : packets_) text += Describe(packet.message) + "\n";
  return text;
}

std::string QuorumWorld::Describe() const {
  std::string text;
  for (int i = 0; i < size(); ++i) {
    const Node& at = nodes_[Index(i)];
    text += fmt::format("{}: ", i + 1);
    if (!up(i)) {
      text += "down\n";
      continue;
    }
    const QuorumCore& core = *at.core;
    text += fmt::format("{} of epoch {}", QuorumRoleName(core.role()), core.epoch());
    if (core.leader() && !core.is_leader())
      text += fmt::format(" behind {}", core.leader()->node_id);
    text += fmt::format(", log [{}..{}) epochs", at.base.end.offset, core.log().end_offset());
    for (const StoredBatch& batch : at.log) text += fmt::format(" {}", batch.entry.epoch);
    text += fmt::format(", flushed {}, committed {}, voters", at.flushed_end, core.committed_end());
    for (const Voter& voter : core.voters().voters()) text += fmt::format(" {}", voter.node_id);
    text += core.transferring() ? ", transferring\n" : "\n";
  }
  return text;
}

std::string QuorumWorld::Describe(const QuorumMessage& message) const {
  const auto position = [](const LogPosition& at) {
    return fmt::format("{} (epoch {})", at.offset, at.epoch);
  };
  std::string text =
      fmt::format("{} -> {}  epoch {}: ", message.from.node_id, message.to.node_id, message.epoch);
  if (const auto* ask = std::get_if<VoteRequest>(&message.body)) {
    text +=
        fmt::format("{}, log ends at {}{}", ask->pre_vote ? "would you vote for me" : "vote for me",
                    position(ask->log_end), ask->transfer ? ", the leader asked" : "");
  } else if (const auto* vote = std::get_if<VoteAnswer>(&message.body)) {
    text += fmt::format("{}{}", vote->pre_vote ? "would: " : "", vote->granted ? "yes" : "no");
  } else if (const auto* append = std::get_if<AppendRequest>(&message.body)) {
    text += fmt::format("after {} append up to {}, committed {}", position(append->after),
                        append->end_offset, append->committed_end);
  } else if (const auto* answer = std::get_if<AppendAnswer>(&message.body)) {
    text += answer->matched ? fmt::format("same up to {}, flushed {}", answer->verified_end,
                                          answer->flushed_end)
                            : fmt::format("not the same at {}, perhaps at {}", answer->after_offset,
                                          position(answer->hint));
  } else if (std::holds_alternative<SnapshotRequest>(message.body)) {
    text += "a snapshot";
  } else {
    text += "stand now";
  }
  return text;
}

}  // namespace soliton::controller

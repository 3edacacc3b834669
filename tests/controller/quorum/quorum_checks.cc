// What must always hold: the checks of QuorumWorld.
#include <fmt/format.h>

#include <algorithm>

#include "tests/controller/quorum/quorum_world.h"

namespace soliton::controller {

void QuorumWorld::Violated(std::string what) {
  if (violation_.empty()) violation_ = std::move(what);
}

void QuorumWorld::CheckLeader(int index) {
  const Node& at = nodes_[Index(index)];
  const auto [it, is_new] = leaders_.try_emplace(at.core->epoch(), at.id);
  if (it->second != at.id) {
    Violated(fmt::format("election safety: {} and {} both lead epoch {}", it->second.ToString(),
                         at.id.ToString(), at.core->epoch()));
  }
  for (const auto& [base, batch] : committed_) {
    if (batch.entry.end_offset <= at.base.end.offset) continue;
    if (std::find(at.log.begin(), at.log.end(), batch) == at.log.end()) {
      return Violated(fmt::format("leader completeness: {} leads epoch {} without the batch at {}",
                                  at.id.ToString(), at.core->epoch(), base));
    }
  }
}

void QuorumWorld::CheckCommitted(int index) {
  Node& at = node(index);
  const int64_t committed_end = at.core->committed_end();
  if (committed_end < at.seen_committed) {
    Violated(fmt::format("monotone commit: {} went back from {} to {}", at.id.ToString(),
                         at.seen_committed, committed_end));
  }
  if (committed_end == at.seen_committed) return;
  Note(index, fmt::format("{}: committed up to {}", index + 1, committed_end));
  for (const StoredBatch& batch : at.log) {
    if (batch.entry.end_offset > committed_end) break;
    const auto [it, is_new] = committed_.try_emplace(batch.entry.base_offset, batch);
    if (!(it->second == batch)) {
      Violated(fmt::format("state machine safety: {} has committed another batch at {}",
                           at.id.ToString(), batch.entry.base_offset));
    }
    if (is_new) CheckDurable(index, batch);
  }
  at.seen_committed = committed_end;
}

void QuorumWorld::CheckDurable(int index, const StoredBatch& batch) {
  const bool is_durable = core(index).voters().HasMajority([&](const Voter& voter) {
    const int i = NodeOf(voter);
    if (i < 0) return false;
    const Node& at = nodes_[Index(i)];
    if (batch.entry.end_offset <= at.base.end.offset) return true;
    return batch.entry.end_offset <= at.flushed_end &&
           std::find(at.log.begin(), at.log.end(), batch) != at.log.end();
  });
  if (!is_durable) {
    Violated(fmt::format("durable before counted: the batch at {} is committed by {}",
                         batch.entry.base_offset, core(index).self().ToString()));
  }
}

}  // namespace soliton::controller

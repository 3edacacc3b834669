#include "tests/controller/quorum/quorum_world.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/check.h"

namespace soliton::controller {

QuorumWorld::QuorumWorld(Options options, uint64_t seed) : options_(options), random_(seed) {
  const int count = options_.voters + options_.spares;
  std::vector<Voter> voters;
  nodes_.resize(Index(count));
  for (int i = 0; i < count; ++i) {
    node(i).id = {i + 1, Uuid{0, next_disk_++}};
    node(i).connected.assign(Index(count), true);
    if (i < options_.voters) voters.push_back(node(i).id);
  }
  for (int i = 0; i < count; ++i) {
    if (i < options_.voters) node(i).base.voters = VoterSet(voters);
    Start(i);
  }
}

void QuorumWorld::Start(int index) {
  Node& at = node(index);
  QuorumLogView view(at.base.end, at.base.voters);
  for (const StoredBatch& batch : at.log) view.Append(batch.entry);
  view.SetFlushed(view.end_offset());
  at.flushed_end = view.end_offset();
  const auto slice_end = [this, index](int64_t offset) {
    int64_t end = offset;
    int taken = 0;
    for (const StoredBatch& batch : node(index).log) {
      if (batch.entry.base_offset >= offset && taken++ < options_.batches_per_message)
        end = batch.entry.end_offset;
    }
    return end;
  };
  at.core = std::make_unique<QuorumCore>(options_.quorum, at.id, at.vote, std::move(view),
                                         slice_end, random_, now_);
  at.seen_committed = at.base.end.offset;
  at.was_leader = false;
  for (int other = 0; other < size(); ++other) {
    if (other != index && !at.connected[Index(other)]) {
      Perform(index, at.core->PeerLost(node(other).id, now_));
    }
  }
}

// ---- events ----

void QuorumWorld::Advance(Duration by) {
  const MonotonicTime until = now_ + by;
  while (violation_.empty()) {
    int next = -1;
    for (int i = 0; i < size(); ++i) {
      if (up(i) && (next < 0 || core(i).deadline() < core(next).deadline())) next = i;
    }
    if (next < 0 || core(next).deadline() > until) break;
    now_ = std::max(now_, core(next).deadline());
    Perform(next, node(next).core->Tick(now_));
  }
  now_ = until;
}

bool QuorumWorld::Timeout(int index) {
  if (!up(index)) return false;
  now_ = std::max(now_, core(index).deadline());
  Perform(index, node(index).core->Tick(now_));
  return true;
}

bool QuorumWorld::Deliver(size_t which) {
  if (which >= packets_.size()) return false;
  const Packet packet = std::move(packets_[which]);
  packets_.erase(packets_.begin() + static_cast<std::ptrdiff_t>(which));
  if (!up(packet.to)) return true;
  std::vector<QuorumEntry> entries;
  for (const StoredBatch& batch : packet.batches) entries.push_back(batch.entry);
  Perform(packet.to, node(packet.to).core->Receive(packet.message, entries, now_), &packet);
  return true;
}

bool QuorumWorld::Drop(size_t which) {
  if (which >= packets_.size()) return false;
  packets_.erase(packets_.begin() + static_cast<std::ptrdiff_t>(which));
  return true;
}

bool QuorumWorld::Repeat(size_t which) {
  if (which >= packets_.size()) return false;
  packets_.push_back(packets_[which]);
  return true;
}

bool QuorumWorld::Persisted(int index) {
  Node& at = node(index);
  if (!up(index) || !at.persisting) return false;
  at.vote = *std::exchange(at.persisting, std::nullopt);
  const std::vector<QuorumMessage> gate = std::exchange(at.gate, {});
  for (const QuorumMessage& message : gate) Route(index, message);
  Perform(index, at.core->VoteDurable(at.vote.epoch));
  return true;
}

bool QuorumWorld::BeginFlush(int index) {
  Node& at = node(index);
  if (!up(index) || at.flushing) return false;
  const int64_t end = at.core->log().end_offset();
  if (end <= at.flushed_end) return false;
  at.flushing = end;
  return true;
}

bool QuorumWorld::EndFlush(int index) {
  Node& at = node(index);
  if (!up(index) || !at.flushing) return false;
  at.flushed_end = std::max(at.flushed_end, *std::exchange(at.flushing, std::nullopt));
  Perform(index, at.core->Flushed(at.flushed_end));
  return true;
}

bool QuorumWorld::Install(int index) {
  Node& at = node(index);
  if (!up(index) || !at.installing) return false;
  const Packet packet = *std::exchange(at.installing, std::nullopt);
  if (packet.snapshot->end.offset <= at.core->committed_end()) return true;
  at.base = *packet.snapshot;
  at.log.clear();
  at.flushing.reset();
  at.flushed_end = at.base.end.offset;
  Perform(index, at.core->SnapshotInstalled(at.base.end, at.base.voters));
  return true;
}

bool QuorumWorld::Propose(int index, int records) {
  if (!up(index) || !core(index).is_leader() || core(index).transferring()) return false;
  AppendAsLeader(index, records, std::nullopt);
  return true;
}

bool QuorumWorld::ProposeVoters(int index, VoterSet voters) {
  if (!up(index) || !core(index).MayChangeVoters(voters).ok()) return false;
  AppendAsLeader(index, 1, std::move(voters));
  return true;
}

bool QuorumWorld::Transfer(int index) {
  if (!up(index) || !core(index).is_leader()) return false;
  Perform(index, node(index).core->Transfer(now_));
  return true;
}

bool QuorumWorld::AddLearner(int leader, int learner) {
  if (!up(leader) || !core(leader).is_leader()) return false;
  Perform(leader, node(leader).core->AddLearner(node(learner).id, now_));
  return true;
}

bool QuorumWorld::Compact(int index) {
  Node& at = node(index);
  if (!up(index)) return false;
  // Up to what is both committed and durable here.
  const int64_t end = std::min(at.core->committed_end(), at.flushed_end);
  if (end <= at.base.end.offset) return false;
  VoterSet voters = at.base.voters;
  LogPosition position = at.base.end;
  auto it = at.log.begin();
  for (; it != at.log.end() && it->entry.end_offset <= end; ++it) {
    if (it->entry.voters) voters = *it->entry.voters;
    position = {it->entry.epoch, it->entry.end_offset};
  }
  if (position == at.base.end) return false;
  at.log.erase(at.log.begin(), it);
  at.base = {position, std::move(voters)};
  at.core->Compacted(position.offset);
  return true;
}

size_t QuorumWorld::unflushed_batches(int index) const {
  const Node& at = nodes_[Index(index)];
  return static_cast<size_t>(std::count_if(
      at.log.begin(), at.log.end(),
      [&](const StoredBatch& batch) { return batch.entry.end_offset > at.flushed_end; }));
}

bool QuorumWorld::Crash(int index, size_t kept, bool vote_kept) {
  Node& at = node(index);
  if (!up(index)) return false;
  const size_t unflushed = unflushed_batches(index);
  at.log.resize(at.log.size() - unflushed + std::min(kept, unflushed));
  if (at.persisting && vote_kept) at.vote = *at.persisting;
  at.core.reset();
  at.persisting.reset();
  at.flushing.reset();
  at.installing.reset();
  at.gate.clear();
  for (int other = 0; other < size(); ++other) {
    if (other != index) Break(index, other);
  }
  return true;
}

bool QuorumWorld::Restart(int index) {
  if (up(index)) return false;
  Start(index);
  for (int other = 0; other < size(); ++other) {
    if (other != index && up(other)) Connect(index, other);
  }
  return true;
}

bool QuorumWorld::ReplaceDisk(int index) {
  Node& at = node(index);
  if (up(index)) return false;
  at.id.directory_id = Uuid{0, next_disk_++};
  at.vote = {};
  at.base = {};
  at.log.clear();
  return true;
}

bool QuorumWorld::Break(int a, int b) {
  if (!connected(a, b)) return false;
  node(a).connected[Index(b)] = false;
  node(b).connected[Index(a)] = false;
  std::erase_if(packets_, [&](const Packet& packet) {
    return (packet.from == a && packet.to == b) || (packet.from == b && packet.to == a);
  });
  if (up(a)) Perform(a, node(a).core->PeerLost(node(b).id, now_));
  if (up(b)) Perform(b, node(b).core->PeerLost(node(a).id, now_));
  return true;
}

bool QuorumWorld::Connect(int a, int b) {
  if (connected(a, b) || !up(a) || !up(b)) return false;
  node(a).connected[Index(b)] = true;
  node(b).connected[Index(a)] = true;
  Perform(a, node(a).core->PeerFound(node(b).id, now_));
  Perform(b, node(b).core->PeerFound(node(a).id, now_));
  return true;
}

std::string QuorumWorld::Heal() {
  cut_.clear();
  for (int i = 0; i < size(); ++i) Restart(i);
  const int64_t before = committed_records();
  bool proposed = false;
  for (int round = 0; round < 4000 && violation_.empty(); ++round) {
    for (int a = 0; a < size(); ++a) {
      for (int b = 0; b < a; ++b) Connect(a, b);
    }
    RunFor(milliseconds(1));
    const int leads = leader();
    if (leads < 0) continue;
    if (!proposed) {
      proposed = Propose(leads);
      continue;
    }
    const auto& voters = core(leads).voters().voters();
    if (core(leads).committed_end() > before &&
        core(leads).committed_end() == core(leads).log().end_offset() &&
        std::all_of(voters.begin(), voters.end(), [&](const Voter& voter) {
          const int i = NodeOf(voter);
          return i >= 0 && core(i).committed_end() == core(leads).committed_end();
        })) {
      return violation_;
    }
    if (round % 200 == 199) proposed = false;  // whoever took it may have been deposed
  }
  return violation_.empty() ? "no progress after healing:\n" + Describe() : violation_;
}

void QuorumWorld::RunFor(Duration time) {
  for (Duration done{}; done < time && violation_.empty(); done += milliseconds(1)) {
    for (size_t waiting = packets_.size(); waiting > 0; --waiting) Deliver(0);
    for (int i = 0; i < size(); ++i) {
      Persisted(i);
      EndFlush(i);
      BeginFlush(i);
      Install(i);
    }
    Advance(milliseconds(1));
  }
}

// ---- effects ----

void QuorumWorld::Perform(int index, QuorumEffects effects, const Packet* packet) {
  Node& at = node(index);
  if (!effects.fatal.ok()) return Violated(std::string(effects.fatal.message()));
  if (effects.persist) at.persisting = *effects.persist;
  if (effects.truncate_to) {
    Note(index, fmt::format("{}: log cut to {}", index + 1, *effects.truncate_to));
    std::erase_if(at.log, [&](const StoredBatch& batch) {
      return batch.entry.base_offset >= *effects.truncate_to;
    });
    at.flushed_end = std::min(at.flushed_end, *effects.truncate_to);
    if (at.flushing) at.flushing = std::min(*at.flushing, *effects.truncate_to);
  }
  for (const QuorumEntry& entry : effects.append) {
    const auto& batches = packet->batches;
    const auto it = std::find_if(batches.begin(), batches.end(),
                                 [&](const StoredBatch& batch) { return batch.entry == entry; });
    CHECK(it != batches.end(), "a batch that did not come");
    TakeBatch(index, *it);
  }
  if (effects.install_snapshot) at.installing = *packet;
  for (const QuorumMessage& message : effects.messages) {
    if (at.persisting) {
      at.gate.push_back(message);
    } else {
      Route(index, message);
    }
  }
  for (const Voter& peer : effects.send_snapshot) {
    Route(index, {at.id, peer, at.core->epoch(), SnapshotRequest{at.base.end}});
  }
  if (effects.role_changed) {
    Note(index, fmt::format("{}: {} of epoch {}", index + 1, QuorumRoleName(at.core->role()),
                            at.core->epoch()));
  }
  const bool leads = at.core->is_leader();
  if (leads && !std::exchange(at.was_leader, leads)) {
    CheckLeader(index);
    AppendAsLeader(index, 1, std::nullopt);  // that it leads
  }
  at.was_leader = leads;
  CheckCommitted(index);
}

void QuorumWorld::Route(int index, const QuorumMessage& message) {
  const Node& from = nodes_[Index(index)];
  const int to = NodeOf(message.to);
  Note(index, Describe(message));
  if (const auto* answer = std::get_if<VoteAnswer>(&message.body);
      answer != nullptr && answer->granted && !answer->pre_vote) {
    const auto [it, is_new] = votes_.try_emplace({from.id, message.epoch}, message.to);
    if (it->second != message.to) {
      Violated(fmt::format("{} votes for {} and {} in epoch {}", from.id.ToString(),
                           it->second.ToString(), message.to.ToString(), message.epoch));
    }
  }
  if (to < 0 || !from.connected[Index(to)] || is_cut(index, to)) return;
  Packet packet{.from = index, .to = to, .message = message};
  if (const auto* append = std::get_if<AppendRequest>(&message.body)) {
    for (const StoredBatch& batch : from.log) {
      if (batch.entry.base_offset >= append->after.offset &&
          batch.entry.end_offset <= append->end_offset) {
        packet.batches.push_back(batch);
      }
    }
  } else if (std::holds_alternative<SnapshotRequest>(message.body)) {
    packet.snapshot = from.base;
    std::get<SnapshotRequest>(packet.message.body).end = from.base.end;
  }
  packets_.push_back(std::move(packet));
}

void QuorumWorld::AppendAsLeader(int index, int records, std::optional<VoterSet> voters) {
  const QuorumCore& core = *node(index).core;
  const int64_t base = core.log().end_offset();
  StoredBatch batch{.entry = {.base_offset = base,
                              .end_offset = base + records,
                              .epoch = core.epoch(),
                              .voters = std::move(voters)},
                    .content = next_content_++};
  TakeBatch(index, batch);
  Perform(index, node(index).core->Appended(batch.entry));
}

void QuorumWorld::TakeBatch(int index, StoredBatch batch) {
  Node& at = node(index);
  const int32_t epoch_before = at.log.empty() ? at.base.end.epoch : at.log.back().entry.epoch;
  const auto [it, is_new] = written_.try_emplace({batch.entry.epoch, batch.entry.base_offset},
                                                 std::pair(batch, epoch_before));
  if (it->second != std::pair(batch, epoch_before)) {
    Violated(fmt::format("log matching: {} has another batch at offset {} of epoch {}",
                         at.id.ToString(), batch.entry.base_offset, batch.entry.epoch));
  }
  at.log.push_back(std::move(batch));
}

int QuorumWorld::NodeOf(const Voter& voter) const {
  for (int i = 0; i < size(); ++i) {
    if (nodes_[Index(i)].id == voter) return i;
  }
  return -1;
}

int QuorumWorld::leader() const {
  int found = -1;
  for (int i = 0; i < size(); ++i) {
    if (up(i) && core(i).is_leader() && (found < 0 || core(i).epoch() > core(found).epoch())) {
      found = i;
    }
  }
  return found;
}

Duration QuorumWorld::until_next_deadline() const {
  Duration least = options_.quorum.election_timeout;
  for (int i = 0; i < size(); ++i) {
    if (up(i)) least = std::min(least, core(i).deadline() - now_);
  }
  return std::max(least, Duration(0));
}

int64_t QuorumWorld::committed_records() const {
  return committed_.empty() ? 0 : committed_.rbegin()->second.entry.end_offset;
}

}  // namespace soliton::controller

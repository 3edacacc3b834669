// Raft as a pure core: who leads the metadata quorum, which records are committed, and who votes.
// Events go in (a message, a tick, what the disk has done), effects come out; no clock, no thread,
// no I/O. Records themselves stay with the shell: the core knows where they begin and end, in which
// epoch they were written, and which of them change the voters.
//
// Leaders push, so a record is committed after one round trip and one flush. Elections ask first
// (pre-vote, KIP-996), a leader that hears no majority resigns (KAFKA-15489), and a lost connection
// to the leader is as good as a timeout: who still hears it refuses.
//
// Invariants (Raft section 5, checked by tests after every event):
//   - at most one leader per epoch; a voter gives at most one vote per epoch, durably before it
//   says so;
//   - a leader never changes its own records; whoever follows cuts only what is not committed;
//   - a record counts for whoever has flushed it, the leader too; only records of the leader's own
//     epoch are counted (section 5.4.2), those before them are committed with them;
//   - the newest voters that the log names count, committed or not; they change one at a time.
//
// Source: Ongaro, "Consensus: Bridging Theory and Practice"; KIP-595, KIP-853, KIP-996.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "controller/quorum/peer_progress.h"
#include "controller/quorum/quorum_log_view.h"
#include "controller/quorum/quorum_message.h"
#include "controller/quorum/voter_set.h"
#include "runtime/base/random.h"
#include "runtime/loop/clock.h"

namespace soliton::controller {

struct QuorumOptions {
  Duration heartbeat_interval = milliseconds(40);
  // Without a word from the leader for so long, up to twice as long (drawn each time), a voter
  // stands for election; a leader that no majority has answered for so long resigns.
  Duration election_timeout = milliseconds(200);
  // After the connection to the leader broke: the first of the other voters stands at once, each
  // further one so much later.
  Duration succession_step = milliseconds(10);
  int max_requests_in_flight = 8;  // of one peer
};

// What a voter must not forget: kept in a file that is replaced atomically.
struct VoteState {
  int32_t epoch = 0;
  std::optional<Voter> voted_for;  // in that epoch
  friend bool operator==(const VoteState&, const VoteState&) = default;
};

enum class QuorumRole : uint8_t { kFollower, kProspective, kCandidate, kLeader };
std::string_view QuorumRoleName(QuorumRole role);

// What must happen, in this order: persist, truncate_to, append; then all else. No message may
// leave before every `persist` up to here is durable (VoteDurable says so); that, and only that, is
// what messages wait for.
struct QuorumEffects {
  std::optional<VoteState> persist;
  // The log ends here now; nothing at or above it was committed.
  std::optional<int64_t> truncate_to;
  // These of the records that came with the message go to the end of the log.
  std::vector<QuorumEntry> append;
  std::vector<QuorumMessage> messages;
  // More is committed than before.
  std::optional<int64_t> committed_end;
  bool role_changed = false;  // or the epoch, or the leader
  // The peer needs what is no longer in the log. Repeated now and then: one that is on its way need
  // not be sent again.
  std::vector<Voter> send_snapshot;
  // Everything here is to be replaced by a snapshot that ends here.
  std::optional<LogPosition> install_snapshot;
  // Log and messages contradict each other: this node must stop. Nothing else is set.
  absl::Status fatal;
};

class QuorumCore {
 public:
  // `log` must outlive the core. The records in it are durable. `slice_end(offset)`: up to where
  // records from `offset` on go into one message; above offset, and at a batch's end.
  QuorumCore(QuorumOptions options, Voter self, VoteState vote, QuorumLogView log,
             std::function<int64_t(int64_t)> slice_end, Random& random, MonotonicTime now);

  // ---- events ----

  QuorumEffects Tick(MonotonicTime now);
  // `entries`: the batches that came with an AppendRequest, in order.
  QuorumEffects Receive(const QuorumMessage& message, std::span<const QuorumEntry> entries,
                        MonotonicTime now);
  // The leader's log took this batch, written in the present epoch.
  QuorumEffects Appended(const QuorumEntry& entry);
  // The log is durable up to here, unless it was cut meanwhile.
  QuorumEffects Flushed(int64_t end_offset);
  // The vote of this epoch is durable.
  QuorumEffects VoteDurable(int32_t epoch);
  // The snapshot that install_snapshot asked for is durable, with the voters that it names.
  QuorumEffects SnapshotInstalled(LogPosition end, VoterSet voters);
  // The connection to a peer broke, or there is one again.
  QuorumEffects PeerLost(const Voter& peer, MonotonicTime now);
  QuorumEffects PeerFound(const Voter& peer, MonotonicTime now);
  // Hands leadership over to the voter that is furthest, once it has everything; nothing is to be
  // appended meanwhile. Without effect on who does not lead.
  QuorumEffects Transfer(MonotonicTime now);
  // Leads no more, and does not stand by itself before a whole timeout.
  QuorumEffects Resign(MonotonicTime now);
  // A snapshot covers what was committed before `offset`: those records are gone.
  void Compacted(int64_t offset) { log_.DropBefore(offset); }
  // Of a new cluster: who votes until the log says so. Without effect where that is known.
  QuorumEffects Form(const VoterSet& voters, MonotonicTime now);
  // Sends the log to somebody who does not vote (yet), or no more.
  QuorumEffects AddLearner(const Voter& learner, MonotonicTime now);
  void RemoveLearner(const Voter& learner) { learners_.erase(learner); }
  const std::set<Voter>& learners() const { return learners_; }

  // ---- state ----

  // Whether a batch that names `next` as voters may be appended now; else why not.
  absl::Status MayChangeVoters(const VoterSet& next) const;
  // When Tick must be called at the latest.
  MonotonicTime deadline() const;
  const Voter& self() const { return self_; }
  QuorumRole role() const { return role_; }
  bool is_leader() const { return role_ == QuorumRole::kLeader; }
  // Whether a transfer is under way: append nothing.
  bool transferring() const { return transfer_until_.has_value(); }
  int32_t epoch() const { return vote_.epoch; }
  const VoteState& vote() const { return vote_; }
  const std::optional<Voter>& leader() const { return leader_; }
  // Unless the connection to it broke.
  std::optional<Voter> reachable_leader() const { return leader_lost_ ? std::nullopt : leader_; }
  int64_t committed_end() const { return log_.committed_end(); }
  // The leader's: everything before is its predecessors'.
  int64_t epoch_start() const { return epoch_start_; }
  const QuorumLogView& log() const { return log_; }
  const VoterSet& voters() const { return log_.voters(); }
  // All of the state but for times, on one line.
  std::string DebugString() const;
  // What a peer has flushed, as far as the leader knows.
  int64_t FlushedBy(const Voter& peer) const;
  // Whether the leader hears it; itself too.
  bool IsHeard(const Voter& peer) const;
  // What the leader knows of a peer; nullptr: nothing.
  const PeerProgress* ProgressOf(const Voter& peer) const;

 private:
  // ---- elections (quorum_elections.cc) ----
  bool HearsLeader() const;
  void StandForElection();
  void AskForVotes(bool pre_vote, bool transfer);
  void StartElection(bool transfer);
  void CountVotes();
  void BecomeLeader();
  void Follow(int32_t epoch, const std::optional<Voter>& leader);
  void OnVoteRequest(const QuorumMessage& message, const VoteRequest& request);
  void OnVoteAnswer(const QuorumMessage& message, const VoteAnswer& answer);
  void OnTransferNow(const QuorumMessage& message);
  bool MajorityAnswers() const;
  void Lead();
  void GoOnTransferring();
  void EndTransfer() {
    transfer_until_.reset();
    transfer_to_.reset();
  }
  // The voter, other than this one, that has most; nullopt: none is reachable.
  std::optional<Voter> Successor() const;
  void SetElectionDeadline();

  // ---- replication (quorum_replication.cc) ----
  void OnAppendRequest(const QuorumMessage& message, const AppendRequest& request,
                       std::span<const QuorumEntry> entries);
  void OnAppendAnswer(const QuorumMessage& message, const AppendAnswer& answer);
  void OnSnapshotRequest(const QuorumMessage& message, const SnapshotRequest& request);
  void TakeEntries(std::span<const QuorumEntry> entries);
  void SendAppends();
  void SendAppends(const Voter& peer, PeerProgress& progress, bool heartbeat);
  void SendSnapshot(const Voter& peer, PeerProgress& progress);
  static void StartProbing(PeerProgress& progress);
  bool HasRoom(const PeerProgress& progress) const;
  void SendOneAppend(const Voter& peer, PeerProgress& progress);
  void AdvanceCommit();
  void CommitTo(int64_t end_offset);
  std::vector<std::pair<Voter, PeerProgress*>> Peers();

  void Send(const Voter& to, int32_t epoch, decltype(QuorumMessage::body) body);
  void Fail(absl::Status why);
  void RoleChanged() { effects_.role_changed = true; }
  QuorumEffects Take();

  const QuorumOptions options_;
  const Voter self_;
  const std::function<int64_t(int64_t)> slice_end_;
  Random& random_;
  QuorumLogView log_;
  MonotonicTime now_;

  VoteState vote_;
  QuorumRole role_ = QuorumRole::kFollower;
  std::optional<Voter> leader_;
  MonotonicTime election_deadline_;
  QuorumEffects effects_;
  bool failed_ = false;

  // Follower: when the leader was heard, whether its connection broke since, and up to where the
  // log is known to be the leader's.
  MonotonicTime heard_leader_at_;
  bool leader_lost_ = false;
  int64_t verified_end_ = 0;

  // Prospective and candidate.
  std::set<Voter> granted_;
  int attempts_ = 0;  // since a leader was heard

  // Leader.
  int64_t epoch_start_ = 0;
  std::map<Voter, PeerProgress> progress_;
  std::set<Voter> learners_;
  std::set<Voter> unreachable_;
  MonotonicTime heartbeat_at_;
  std::optional<MonotonicTime> transfer_until_;
  std::optional<Voter> transfer_to_;  // until it was told to stand
};

}  // namespace soliton::controller

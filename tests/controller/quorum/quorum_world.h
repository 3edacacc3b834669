// A quorum of cores with disks that forget what was not flushed, and a network whose packets wait
// until somebody delivers, drops or repeats them. Every step checks what must always hold
// (Violation); who drives it decides what happens next: a random walk, a script, or all
// possibilities.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/quorum/quorum_core.h"

namespace soliton::controller {

// A batch as it lies on a disk: `content` stands for its bytes.
struct StoredBatch {
  QuorumEntry entry;
  uint64_t content = 0;
  friend bool operator==(const StoredBatch&, const StoredBatch&) = default;
};

class QuorumWorld {
 public:
  struct Options {
    int voters = 3;
    int spares = 0;  // nodes that do not vote at first
    int batches_per_message = 3;
    QuorumOptions quorum{.heartbeat_interval = milliseconds(20),
                         .election_timeout = milliseconds(100),
                         .succession_step = milliseconds(4)};
  };
  struct Snapshot {
    LogPosition end;
    VoterSet voters;
  };
  struct Packet {
    int from = 0;
    int to = 0;
    QuorumMessage message;
    std::vector<StoredBatch> batches;
    std::optional<Snapshot> snapshot;
  };

  QuorumWorld(Options options, uint64_t seed);

  // ---- what may happen; false: not now ----
  int size() const { return static_cast<int>(nodes_.size()); }
  void Advance(Duration by);
  // Time goes on to the node's deadline, and only this node hears of it.
  bool Timeout(int node);
  bool Deliver(size_t packet);
  bool Drop(size_t packet);
  bool Repeat(size_t packet);
  bool Persisted(int node);  // its vote file is written
  bool BeginFlush(int node);
  bool EndFlush(int node);
  bool Install(int node);  // the snapshot that it was sent is durable
  bool Propose(int node, int records = 1);
  bool ProposeVoters(int node, VoterSet voters);
  bool Transfer(int node);
  bool AddLearner(int leader, int learner);
  bool Compact(int node);
  // Of what was not flushed `kept` batches are there again, and the vote that was being written, if
  // `vote_kept`.
  bool Crash(int node, size_t kept, bool vote_kept);
  bool Restart(int node);
  // With an empty disk, hence as another voter. It must be down.
  bool ReplaceDisk(int node);
  bool Break(int a, int b);    // the connection: both learn of it, what was on its way is gone
  bool Connect(int a, int b);  // again
  // Whatever `from` says to `to` vanishes, without a word.
  void SetCut(int from, int to, bool cut) { cut_[{from, to}] = cut; }
  bool is_cut(int from, int to) const {
    const auto it = cut_.find({from, to});
    return it != cut_.end() && it->second;
  }
  // Everybody is up and connected, all disks and packets do what they should, until a new batch is
  // committed on all voters. "" or what went wrong.
  std::string Heal();
  // All that waits happens, with the network as it is: packets first, then disks; then a
  // millisecond passes.
  void RunFor(Duration time);

  // ---- state ----
  const std::vector<Packet>& packets() const { return packets_; }
  bool up(int node) const { return nodes_[Index(node)].core != nullptr; }
  const QuorumCore& core(int node) const { return *nodes_[Index(node)].core; }
  const Voter& voter(int node) const { return nodes_[Index(node)].id; }
  const std::vector<StoredBatch>& log(int node) const { return nodes_[Index(node)].log; }
  size_t unflushed_batches(int node) const;
  bool connected(int a, int b) const { return nodes_[Index(a)].connected.at(b); }
  bool persisting(int node) const { return nodes_[Index(node)].persisting.has_value(); }
  bool flushing(int node) const { return nodes_[Index(node)].flushing.has_value(); }
  bool installing(int node) const { return nodes_[Index(node)].installing.has_value(); }
  // The leader of the largest epoch that is up; -1: none.
  int leader() const;
  MonotonicTime now() const { return now_; }
  Duration until_next_deadline() const;
  int64_t committed_records() const;
  // Tells states apart that can go on differently, but for their times.
  std::string Fingerprint() const;
  // A line per node.
  std::string Describe() const;
  // What does not hold any more; "" as long as all is well.
  const std::string& violation() const { return violation_; }

  // A line about what one says to another.
  std::string Describe(const QuorumMessage& message) const;

  // Called for whatever is worth telling of a node.
  std::function<void(int node, const std::string&)> on_note;

 private:
  struct Node {
    Voter id;
    std::unique_ptr<QuorumCore> core;  // null: down
    std::vector<bool> connected;
    std::vector<QuorumMessage> gate;  // wait for the vote file
    std::optional<VoteState> persisting;
    std::optional<int64_t> flushing;  // up to here
    std::optional<Packet> installing;
    // The disk.
    VoteState vote;
    Snapshot base;  // the log begins behind it
    std::vector<StoredBatch> log;
    int64_t flushed_end = 0;
    // For checks.
    int64_t seen_committed = 0;
    bool was_leader = false;
  };

  static size_t Index(int node) { return static_cast<size_t>(node); }
  Node& node(int index) { return nodes_[Index(index)]; }
  int NodeOf(const Voter& voter) const;
  void Start(int index);
  void Perform(int index, QuorumEffects effects, const Packet* packet = nullptr);
  void Route(int index, const QuorumMessage& message);
  void AppendAsLeader(int index, int records, std::optional<VoterSet> voters);
  void TakeBatch(int index, StoredBatch batch);
  void Violated(std::string what);
  void CheckLeader(int index);
  void CheckCommitted(int index);
  void CheckDurable(int index, const StoredBatch& batch);
  void Note(int index, const std::string& what) {
    if (on_note) on_note(index, what);
  }

  const Options options_;
  Random random_;
  MonotonicTime now_{};
  uint64_t next_content_ = 1;
  uint64_t next_disk_ = 1;
  std::vector<Node> nodes_;
  std::vector<Packet> packets_;
  std::map<std::pair<int, int>, bool> cut_;
  std::string violation_;

  // What has been seen, by all.
  std::map<int32_t, Voter> leaders_;                  // by epoch
  std::map<std::pair<Voter, int32_t>, Voter> votes_;  // by voter and epoch
  std::map<std::pair<int32_t, int64_t>, std::pair<StoredBatch, int32_t>>
      written_;                               // by epoch, base
  std::map<int64_t, StoredBatch> committed_;  // by base offset
};

}  // namespace soliton::controller

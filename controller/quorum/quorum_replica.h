// One voter's log of metadata, kept the same as the others': the shell around QuorumCore. Has the
// log, the vote file and the timer; messages come and go through QuorumPeers. Everything that
// blocks for long (flushes, the vote file) runs on the disk executor. Owned by one shard, where all
// callbacks run.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "controller/log/metadata_log.h"
#include "controller/log/metadata_log_reader.h"
#include "controller/quorum/quorum.pb.h"
#include "controller/quorum/quorum_core.h"
#include "controller/quorum/quorum_snapshot.h"
#include "controller/quorum/vote_file.h"
#include "runtime/file/disk_executor.h"
#include "runtime/loop/shard.h"
#include "runtime/net/transport.h"
#include "segment/log.h"

namespace soliton::controller {

// The way to the others. A frame may be lost, as long as QuorumReplica::PeerLost tells of it soon.
class QuorumPeers {
 public:
  virtual ~QuorumPeers() = default;
  virtual void Send(const Voter& to, const pb::QuorumFrame& frame) = 0;
};

class QuorumReplica {
 public:
  struct Options {
    Voter self;
    std::string directory;  // the log's; the vote file is in it
    bool clean_shutdown = false;
    // Who votes as long as the log names nobody; empty: whom Form names.
    VoterSet initial_voters;
    QuorumOptions quorum;
    // Of a voter that is configured to be alone: a log that names no voters, of a release that had
    // no quorum, becomes its own.
    bool adopt_old_log = false;
    // Where the voters are reached, by node id; goes into the log with them.
    std::map<int32_t, Endpoint> endpoints;
    // A snapshot is due when so much was committed since the last one. 0: never.
    int64_t snapshot_interval_bytes = 0;
    int64_t segment_bytes = kMetadataSegmentBytes;
  };

  class Listener {
   public:
    virtual ~Listener() = default;
    // Everything before its end is replaced by this. Before any OnCommitted, or when this voter had
    // fallen too far behind.
    virtual void OnSnapshot(const QuorumSnapshot& snapshot) = 0;
    // Once per batch, in the order of the log, from its start or the snapshot's end on.
    virtual void OnCommitted(const LoggedBatch& batch) = 0;
    // Of everything that it was told of, as records: for a snapshot.
    virtual std::vector<pb::MetadataRecord> State() const = 0;
    // This voter leads, and has committed all that there was before: it may append.
    virtual void OnLeading(int32_t epoch) = 0;
    // It may not any more. What it appended and did not hear of as committed may be committed or
    // not.
    virtual void OnDeposed() = 0;
    // Another voter leads, or nobody that is known (core().reachable_leader()).
    virtual void OnLeaderChanged() {}
    // The disk failed, or log and peers contradict each other: nothing follows.
    virtual void OnFailed(const absl::Status& why) = 0;
  };

  // Opens or creates log and vote file and recovers them. Blocks. `peers` and `listener` outlive
  // the replica or its Close.
  static absl::StatusOr<std::unique_ptr<QuorumReplica>> Open(FileSystem& files, DiskExecutor& disk,
                                                             Shard& shard, const Options& options,
                                                             QuorumPeers& peers,
                                                             Listener& listener);
  ~QuorumReplica();

  // Takes part from now on.
  void Start();
  // A frame from a peer; one that no voter would send is refused.
  absl::Status Receive(const pb::QuorumFrame& frame);
  void PeerFound(const Voter& peer);
  void PeerLost(const Voter& peer);

  // ---- lives (quorum_replica_lives.cc) ----
  // Of this voter's disk. For hellos.
  VoterPast past() const;
  // Whether what this process claims agrees with what was heard of its disk.
  absl::Status CheckPast(const Voter& peer, const VoterPast& past) const {
    return lives_.Check(peer, past);
  }
  void HearLife(const Voter& peer, const VoterLife& life);
  // Others know of a newer state of this voter's disk: takes part no more, OnFailed follows.
  void GiveUpAsOlder(const absl::Status& why);

  // Nothing is known here of any quorum: the disk is new, and nobody who leads has been heard.
  bool fresh() const { return core_->voters().size() == 0 && log_->log_end_offset() == 0; }
  // Whether the log, as far as it goes, lets it: nothing is known of any voters, or it may be one.
  bool MayLead(const Voter& voter) const {
    return core_->voters().size() == 0 || core_->log().MayVote(voter);
  }
  // The voters of a new cluster, which are all fresh. Without effect where voters are known.
  void Form(const VoterSet& voters);

  // Appends `records` (at least one) as one atomic batch; its base offset. kUnavailable when this
  // voter does not lead (OnLeading), kFailedPrecondition or kInvalidArgument for voters that may
  // not follow on the present ones. OnCommitted follows later, or OnDeposed.
  absl::StatusOr<int64_t> Append(const std::vector<pb::MetadataRecord>& records);
  // Hands over to another voter, if there is one: OnDeposed follows soon.
  void Transfer();

  const QuorumCore& core() const { return *core_; }
  // The committed ones, with where they are reached.
  const pb::Voters& voters() const { return voters_; }
  bool IsFound(const Voter& peer) const { return found_.contains(peer); }
  bool leading() const { return told_leading_; }
  // Whether Append may be called: leading, and not about to hand over.
  bool may_append() const {
    return told_leading_ && !failed_ && !closed_ && !core_->transferring();
  }
  int64_t end_offset() const { return log_->log_end_offset(); }

  // Waits for the disk work that is running, closes the log cleanly, then `done`, perhaps inside
  // this call. The listener hears nothing more. Once.
  void Close(absl::AnyInvocable<void(absl::Status)> done);

 private:
  QuorumReplica(FileSystem& files, DiskExecutor& disk, Shard& shard, const Options& options,
                QuorumPeers& peers, Listener& listener, std::unique_ptr<segment::Log> log);

  absl::Status OpenCore();
  absl::StatusOr<QuorumLogView> OpenLogView(bool* names_voters);
  absl::Status MakeVoteFile();
  std::string mark_path() const;
  std::string vote_path() const;
  // Where a message with records from `offset` on ends.
  int64_t SliceEnd(int64_t offset) const;
  absl::StatusOr<Buffer> ReadSlice(int64_t from, int64_t end) const;

  void Perform(QuorumEffects effects, std::vector<LoggedBatch> received = {});
  void AppendReceived(const std::vector<QuorumEntry>& entries, std::vector<LoggedBatch>& received);
  absl::StatusOr<int64_t> AppendInEpoch(const std::vector<pb::MetadataRecord>& records);
  void Persist(const VoteState& vote);
  void Persisted(const VoteState& vote, int64_t life, const absl::Status& result);
  void Send(const QuorumMessage& message);
  // ---- quorum_replica_lives.cc ----
  // Adds this process to what is in the vote file, durably. kDataLoss when the file says that the
  // disk is an older copy of itself.
  absl::Status BeginProcess(VoteFile* file);
  // What goes into the vote file next; begins a life.
  VoteFile NextVoteFile(const VoteState& vote);
  void BeginLifeIfDue();
  void BeginLife();
  // ---- quorum_replica_snapshots.cc ----
  // Reads the newest snapshot and brings the log in line with it.
  absl::Status OpenSnapshot();
  void TakeSnapshotIfDue();
  void SnapshotTaken(const LogPosition& end, const absl::Status& result);
  void SendSnapshots(const std::vector<Voter>& peers);
  void InstallSnapshot(const LogPosition& end);
  void SnapshotWritten(const absl::Status& result);
  void FlushIfIdle();
  void FlushDone(const segment::FlushTicket& ticket, const absl::Status& result);
  void TellCommitted();
  void TellRole();
  // Who is connected and does not vote gets the log all the same.
  void TeachLearners();
  void ArmTimer();
  void Fail(const absl::Status& why);
  void FinishClose();
  // What is asked for in one lane is done one after the other.
  // Votes and appends of the quorum hold up the cluster: they wait for no log of a partition.
  enum class DiskLane : uint64_t { kLog = kUrgentLane, kSnapshots = 0x736e6170 };
  void OnDisk(DiskLane lane, Task work, Task done);
  MonotonicTime now() const { return shard_.clock().Now(); }

  FileSystem& files_;
  DiskExecutor& disk_;
  Shard& shard_;
  const Options options_;
  QuorumPeers& peers_;
  Listener& listener_;
  std::unique_ptr<segment::Log> log_;
  std::unique_ptr<QuorumCore> core_;
  bool started_ = false;
  bool failed_ = false;
  bool closed_ = false;
  TimerId timer_ = 0;
  MonotonicTime timer_at_{};

  std::optional<VoteState> persisting_;  // being written
  std::optional<VoteState> to_persist_;  // after that one
  std::vector<QuorumMessage> gate_;      // wait for it
  bool flushing_ = false;
  VoterLives lives_;                  // of the others
  std::vector<VoterLife> processes_;  // of this disk, as in the vote file; this one is the last
  int64_t life_ = 0;                  // in the file that was written last, or is being written
  int64_t durable_life_ = 0;
  MonotonicTime last_life_at_{};
  bool beginning_life_ = false;      // is being written
  bool begin_another_life_ = false;  // after that one
  bool is_older_copy_ = false;
  bool on_snapshot_disk_ = false;  // a snapshot is being read or written
  absl::AnyInvocable<void(absl::Status)> closing_;

  pb::Voters voters_;                     // the newest that are committed
  std::optional<QuorumSnapshot> loaded_;  // from disk, not told yet
  LogPosition snapshot_end_;              // of the newest one on disk; offset 0: none
  int64_t bytes_since_snapshot_ = 0;      // committed
  Buffer offered_snapshot_;               // came with the message that is being received
  std::optional<QuorumSnapshot> installing_;

  std::set<Voter> found_;  // connected

  std::deque<LoggedBatch> recent_;  // of what was appended since the start and is not told yet
  int64_t told_end_ = 0;            // of what the listener knows as committed
  bool led_ = false;                // the core leads, and its first batch is appended
  bool adopts_ = false;  // Options::adopt_old_log applies, and the log names no voters yet
  bool told_leading_ = false;
  std::optional<Voter> told_leader_;
  // Disk work may outlive this object: its answers look here first.
  std::shared_ptr<QuorumReplica*> alive_ = std::make_shared<QuorumReplica*>(this);
};

}  // namespace soliton::controller

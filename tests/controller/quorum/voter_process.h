// A process of one voter in the simulated world: the real QuorumReplica and QuorumNetwork on a
// listener that does nothing else. What its listener hears is compared with what all others heard.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/metadata_publisher.h"
#include "controller/quorum/quorum_batches.h"
#include "controller/quorum/quorum_network.h"
#include "controller/quorum/quorum_replica.h"
#include "tests/sim/sim_node.h"

namespace soliton::controller {

// What all voters have heard as committed, by base offset.
class CommittedHistory {
 public:
  // "" or what contradicts it.
  std::string Add(const std::string& who, const LoggedBatch& batch);
  int64_t end_offset() const { return end_offset_; }
  // Of everything before `offset`.
  uint64_t HashBefore(int64_t offset) const;

 private:
  std::map<int64_t, std::string> batches_;
  int64_t end_offset_ = 0;
};

class VoterProcess final : public QuorumReplica::Listener {
 public:
  struct Options {
    Voter self;
    std::map<int32_t, Endpoint> peers;
    VoterSet initial_voters;
    uint16_t port = 9093;
    CommittedHistory* history = nullptr;
    QuorumOptions quorum;
    int64_t snapshot_interval_bytes = 0;
  };

  VoterProcess(sim::SimNode& node, Options options);
  ~VoterProcess() override;

  bool running() const { return replica_ != nullptr; }
  bool leading() const { return running() && replica_->leading(); }
  const QuorumReplica& replica() const { return *replica_; }
  const absl::Status& failure() const { return failure_; }
  int64_t told_end() const { return told_end_; }
  // Of batches that this process appended and then heard of as committed while it led.
  int64_t acknowledged() const { return acknowledged_; }
  int deposed() const { return deposed_; }
  int snapshots() const { return snapshots_; }
  // What broke the listener's contract.
  const std::string& complaint() const { return complaint_; }

  // On the node's shard.
  void Append();
  void Transfer() { replica_->Transfer(); }
  absl::StatusOr<int64_t> AppendVoters(const VoterSet& voters) {
    return replica_->Append({VotersRecord(voters)});
  }

  void OnSnapshot(const QuorumSnapshot& snapshot) override;
  void OnCommitted(const LoggedBatch& batch) override;
  std::vector<pb::MetadataRecord> State() const override;
  void OnLeading(int32_t epoch) override;
  void OnDeposed() override;
  void OnFailed(const absl::Status& why) override { failure_ = why; }

 private:
  class Session;

  void Start();
  void OnFrame(Session& session, const Buffer& frame);

  sim::SimNode& node_;
  const Ports ports_;
  const Options options_;
  absl::Status failure_;
  std::string complaint_;
  std::unique_ptr<soliton::Listener> listener_;
  std::map<ConnectionId, std::shared_ptr<Session>> sessions_;
  ConnectionId next_connection_ = 1;
  std::unique_ptr<QuorumReplica> replica_;
  std::unique_ptr<QuorumNetwork> network_;
  int64_t told_end_ = 0;
  int64_t acknowledged_ = 0;
  int deposed_ = 0;
  int snapshots_ = 0;  // that it was told of
  int32_t leading_epoch_ = -1;
  std::map<int64_t, int32_t> appended_;  // base offset -> epoch, not committed yet
};

}  // namespace soliton::controller

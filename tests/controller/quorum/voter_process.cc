#include "tests/controller/quorum/voter_process.h"

#include <fmt/format.h>

#include "controller/metadata/control.pb.h"
#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

constexpr int64_t kSegmentBytes = 1000;

}  // namespace

std::string CommittedHistory::Add(const std::string& who, const LoggedBatch& batch) {
  const std::string bytes(batch.bytes.view());
  const auto [it, is_new] = batches_.try_emplace(batch.batch.base_offset, bytes);
  if (it->second != bytes) {
    return fmt::format("{} heard of another batch at offset {}", who, batch.batch.base_offset);
  }
  if (is_new && batch.batch.base_offset != end_offset_) {
    return fmt::format("{} heard of a batch at {}, nobody of what is before", who,
                       batch.batch.base_offset);
  }
  end_offset_ = std::max(end_offset_, batch.batch.end_offset());
  return "";
}

uint64_t CommittedHistory::HashBefore(int64_t offset) const {
  uint64_t hash = 0;
  for (const auto& [base_offset, bytes] : batches_) {
    if (base_offset >= offset) break;
    hash = hash * 31 + std::hash<std::string>()(bytes);
  }
  return hash;
}

class VoterProcess::Session final : public ConnectionHandler {
 public:
  Session(VoterProcess& process, ConnectionId id, std::shared_ptr<FramedConnection> connection)
      : process_(process), id_(id), connection_(std::move(connection)) {}

  void Start() { connection_->Start(this); }
  void Close() { connection_->Close(); }
  // Says why, as the controller's server does.
  void Refuse(const absl::Status& why) {
    if (std::exchange(refused_, true)) return;
    pb::ServerMessage message;
    message.mutable_response()->set_error(ToPb(absl::IsDataLoss(why)
                                                   ? kafka::ErrorCode::KAFKA_STORAGE_ERROR
                                                   : kafka::ErrorCode::INVALID_REGISTRATION));
    message.mutable_response()->set_error_message(std::string(why.message()));
    connection_->Send(EncodeFrame(message));
  }
  void OnDrained() override {
    if (refused_) connection_->Close();
  }
  ConnectionId id() const { return id_; }
  void OnFrame(Buffer frame) override { process_.OnFrame(*this, frame); }
  void OnClosed(const absl::Status&) override {
    VoterProcess& process = process_;
    const ConnectionId id = id_;
    auto session = process.sessions_.extract(id);
    if (!session.empty()) {
      process.ports_.shards->shard(0).Post([kept = std::move(session.mapped())] {});
    }
    process.network_->OnClosed(id);
  }

 private:
  VoterProcess& process_;
  const ConnectionId id_;
  std::shared_ptr<FramedConnection> connection_;
  bool refused_ = false;
};

VoterProcess::VoterProcess(sim::SimNode& node, Options options)
    : node_(node), ports_(node.ports()), options_(std::move(options)) {
  node.Post([this] { Start(); });
}

VoterProcess::~VoterProcess() = default;

void VoterProcess::Start() {
  Shard& shard = ports_.shards->shard(0);
  network_ = std::make_unique<QuorumNetwork>(
      *ports_.transport, shard,
      QuorumNetwork::Options{.self = options_.self, .peers = options_.peers},
      QuorumNetwork::Events{
          .on_found = [this](const Voter& voter) { replica_->PeerFound(voter); },
          .on_lost = [this](const Voter& voter) { replica_->PeerLost(voter); },
          .is_fresh = [this] { return replica_->fresh(); },
          .may_lead = [](const Voter&) { return true; },
          .on_all_fresh = [this](const VoterSet& voters) { replica_->Form(voters); },
          .on_frame = [this](const pb::QuorumFrame& frame) { return replica_->Receive(frame); },
          .past = [this] { return replica_->past(); },
          .check_past = [this](const Voter& voter,
                               const VoterPast& past) { return replica_->CheckPast(voter, past); },
          .on_life = [this](const Voter& voter,
                            const VoterLife& life) { replica_->HearLife(voter, life); },
          .on_older = [this](const absl::Status& why) { replica_->GiveUpAsOlder(why); }});
  failure_ = ports_.files->CreateDirectories("meta");
  if (failure_.ok()) failure_ = ports_.files->SyncDirectory(".");
  if (!failure_.ok()) return;
  auto replica = QuorumReplica::Open(*ports_.files, *ports_.disk, shard,
                                     {.self = options_.self,
                                      .directory = "meta/__cluster_metadata-0",
                                      .initial_voters = options_.initial_voters,
                                      .quorum = options_.quorum,
                                      .snapshot_interval_bytes = options_.snapshot_interval_bytes,
                                      .segment_bytes = kSegmentBytes},
                                     *network_, *this);
  if (!replica.ok()) {
    failure_ = replica.status();
    return;
  }
  replica_ = *std::move(replica);
  auto listener = ports_.transport->Listen(
      {"", options_.port}, {}, *ports_.shards,
      [this](Shard&, std::shared_ptr<FramedConnection> connection) {
        const ConnectionId id = next_connection_++;
        auto session = std::make_shared<Session>(*this, id, std::move(connection));
        sessions_[id] = session;
        session->Start();
      });
  if (!listener.ok()) {
    failure_ = listener.status();
    return;
  }
  listener_ = *std::move(listener);
  replica_->Start();
  network_->Start();
}

void VoterProcess::OnFrame(Session& session, const Buffer& frame) {
  pb::ControlRequest request;
  if (!request.ParseFromArray(frame.data(), static_cast<int>(frame.size())) ||
      !request.has_quorum()) {
    complaint_ = "a frame that no voter sends";
    return session.Close();
  }
  const absl::Status taken = network_->Receive(session.id(), request.quorum());
  if (!taken.ok()) session.Refuse(taken);
}

void VoterProcess::Append() {
  if (!leading()) return;
  pb::MetadataRecord record;
  record.mutable_producer_ids()->set_next_producer_id(
      static_cast<int64_t>(ports_.shards->shard(0).random().Next() >> 1));
  const auto base_offset = replica_->Append({record});
  if (base_offset.ok()) appended_[*base_offset] = leading_epoch_;
}

// The state is a hash of what led to it.
std::vector<pb::MetadataRecord> VoterProcess::State() const {
  std::vector<pb::MetadataRecord> records(1);
  records[0].mutable_producer_ids()->set_next_producer_id(
      static_cast<int64_t>(options_.history->HashBefore(told_end_) >> 1));
  return records;
}

void VoterProcess::OnSnapshot(const QuorumSnapshot& snapshot) {
  if (snapshot.end.offset <= told_end_ && told_end_ > 0) {
    complaint_ = fmt::format("{}: a snapshot up to {} after {}", node_.name(), snapshot.end.offset,
                             told_end_);
  }
  told_end_ = snapshot.end.offset;
  ++snapshots_;
  if (snapshot.records.size() != 1 ||
      snapshot.records[0].producer_ids().next_producer_id() !=
          static_cast<int64_t>(options_.history->HashBefore(told_end_) >> 1)) {
    complaint_ = fmt::format("{}: a snapshot up to {} of another history", node_.name(), told_end_);
  }
}

void VoterProcess::OnCommitted(const LoggedBatch& batch) {
  if (batch.batch.base_offset != told_end_) {
    complaint_ =
        fmt::format("{}: a batch at {} after {}", node_.name(), batch.batch.base_offset, told_end_);
  }
  told_end_ = batch.batch.end_offset();
  if (std::string wrong = options_.history->Add(node_.name(), batch); !wrong.empty()) {
    complaint_ = wrong;
  }
  if (const auto it = appended_.find(batch.batch.base_offset); it != appended_.end()) {
    if (it->second == leading_epoch_) ++acknowledged_;
    appended_.erase(it);
  }
}

void VoterProcess::OnLeading(int32_t epoch) {
  if (epoch <= leading_epoch_) complaint_ = node_.name() + " leads an old epoch";
  if (told_end_ < replica_->core().epoch_start()) {
    complaint_ = node_.name() + " leads and has not been told of all before";
  }
  leading_epoch_ = epoch;
}

void VoterProcess::OnDeposed() {
  ++deposed_;
  appended_.clear();
}

}  // namespace soliton::controller

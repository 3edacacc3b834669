#include "controller/controller_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/listener.h"
#include "controller/active_controller.h"
#include "controller/controller_server.h"
#include "controller/held_requests.h"
#include "controller/log/metadata_log.h"
#include "controller/metadata/convert.h"
#include "controller/metadata/image_records.h"
#include "controller/metadata_publisher.h"
#include "controller/quorum/quorum_batches.h"
#include "controller/quorum/quorum_network.h"
#include "controller/quorum/quorum_replica.h"
#include "controller/quorum/quorum_wire.h"
#include "controller/quorum_description.h"
#include "controller/voter_change.h"
#include "runtime/base/check.h"
#include "runtime/obs/logging.h"
#include "segment/data_directory.h"

namespace soliton::controller {
namespace {

CoreOptions ToCoreOptions(const ControllerOptions& options) {
  return {.node_id = options.node_id,
          .broker_session_timeout = options.broker_session_timeout,
          .broker_silence_timeout = options.broker_silence_timeout,
          .default_partitions = options.default_partitions,
          .default_replication_factor = options.default_replication_factor,
          .default_min_insync_replicas = options.default_min_insync_replicas,
          .unclean_leader_election_enable = options.unclean_leader_election_enable,
          .max_partitions_per_request = options.max_partitions_per_request,
          .leader_imbalance_percentage = options.leader_imbalance_percentage};
}

class ControllerNodeImpl final : public ControllerNode,
                                 public QuorumReplica::Listener,
                                 public ControllerServer::Handler {
 public:
  ControllerNodeImpl(const Ports& ports, const ControllerOptions& options)
      : ports_(ports), options_(options), shard_(ports.shards->shard(0)) {}

  ~ControllerNodeImpl() override {
    shard_.CancelTimer(held_timer_);
    shard_.CancelTimer(handover_timer_);
  }

  absl::Status Open() {
    auto directory =
        segment::DataDirectory::Open(*ports_.files, options_.data_directory, options_.cluster_id,
                                     options_.node_id, shard_.random());
    if (!directory.ok()) return directory.status();
    directory_ = *std::move(directory);
    const Voter self{options_.node_id, directory_->directory_id()};
    OpenNetwork(self);
    auto replica =
        QuorumReplica::Open(*ports_.files, *ports_.disk, shard_,
                            {
                                .self = self,
                                .directory = directory_->PartitionPath(kMetadataTopic, 0),
                                .clean_shutdown = directory_->was_clean(),
                                .initial_voters = {},
                                .quorum = options_.quorum,
                                .adopt_old_log = founds() && options_.voters.size() <= 1,
                                .endpoints = KnownEndpoints(),
                                .snapshot_interval_bytes = options_.snapshot_interval_bytes,
                            },
                            *network_, *this);
    if (!replica.ok()) return replica.status();
    replica_ = *std::move(replica);
    server_ = std::make_unique<ControllerServer>(shard_, publisher_, *this);
    if (absl::Status listening = server_->Listen(*ports_.transport, options_.listen);
        !listening.ok()) {
      return listening;
    }
    replica_->Start();
    network_->Start();
    LogInfo("controller {} listens on {}:{}, metadata log ends at offset {}", options_.node_id,
            options_.listen.host, server_->port(), replica_->end_offset());
    return absl::OkStatus();
  }

  void Stop(absl::AnyInvocable<void(absl::Status)> done) override {
    stopped_ = std::move(done);
    if (failed_) return Close();
    replica_->Transfer();
    if (!replica_->leading() || !replica_->core().transferring()) return Close();
    handover_timer_ = shard_.ScheduleAfter(options_.quorum.election_timeout, [this] { Close(); });
  }

  uint16_t port() const override { return server_->port(); }
  const std::string& cluster_id() const override { return directory_->cluster_id(); }
  bool leading() const override { return active_ != nullptr; }
  const QuorumCore& quorum() const override { return replica_->core(); }
  const MetadataImage& committed_image() const override { return publisher_.image(); }

  // ---- the quorum ----

  void OnCommitted(const LoggedBatch& batch) override {
    if (failed_) return;
    if (absl::Status applied = publisher_.Apply(batch); !applied.ok()) return OnFailed(applied);
    if (absl::Status known = LearnClusterId(); !known.ok()) return OnFailed(known);
    for (const pb::MetadataRecord& record : batch.batch.records) {
      if (record.has_voters()) LearnVoters(record.voters());
    }
    publisher_.PumpAll();
    if (active_ != nullptr) active_->OnCommitted();
    TellReady();
  }

  void OnSnapshot(const QuorumSnapshot& snapshot) override {
    std::vector<pb::MetadataRecord> records = snapshot.records;
    *records.emplace_back().mutable_voters() = snapshot.voters;
    absl::Status taken = publisher_.Reset(records, snapshot.end.offset - 1);
    if (taken.ok()) taken = LearnClusterId();
    if (!taken.ok()) return OnFailed(taken);
    LearnVoters(snapshot.voters);
    TellReady();
  }

  std::vector<pb::MetadataRecord> State() const override {
    std::vector<pb::MetadataRecord> records;
    ImageToRecords(publisher_.image(), [&](const pb::MetadataRecord& record) {
      // A snapshot names them, and their disks, itself.
      if (!record.has_voters()) records.push_back(record);
    });
    return records;
  }

  void OnLeading(int32_t epoch) override {
    LogInfo("controller {} leads the quorum in epoch {}", options_.node_id, epoch);
    std::string cluster_id = directory_->cluster_id();
    if (cluster_id.empty()) cluster_id = Uuid::Generate(shard_.random()).ToString();
    active_ = std::make_unique<ActiveController>(
        *ports_.transport, shard_,
        ActiveController::Options{.core = ToCoreOptions(options_),
                                  .probe_timeout = options_.probe_timeout,
                                  .balance_interval = options_.leader_imbalance_check_interval,
                                  .epoch = epoch,
                                  .new_cluster_id = std::move(cluster_id)},
        *replica_, publisher_, [this](const absl::Status& why) { OnFailed(why); });
    active_->Start();
    for (HeldRequest& held : held_.TakeAll()) Dispatch(std::move(held));
    TellReady();
  }

  void OnDeposed() override {
    LogInfo("controller {} leads the quorum no more", options_.node_id);
    // It may be what waits for this to return.
    shard_.Post([active = std::move(active_)] {});
    server_->CloseClients();
    // Stop waited for this. Requests that are held go with their connections, to the successor.
    if (handover_timer_ != 0) Close();
  }

  void OnLeaderChanged() override {
    const auto leader = replica_->core().reachable_leader();
    if (!leader) return;
    LogInfo("controller {}: {} leads the quorum in epoch {}", options_.node_id, leader->node_id,
            replica_->core().epoch());
    for (HeldRequest& held : held_.TakeAll()) Dispatch(std::move(held));
    TellReady();
  }

  void OnFailed(const absl::Status& why) override {
    if (std::exchange(failed_, true)) return;
    LogError("the controller stops: {}", std::string(why.message()));
    // May run inside a connection's callback, or inside the brain: let go of both after it.
    shard_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      active_.reset();
      network_->Stop();
      server_->Stop();
    });
    if (options_.on_fatal) options_.on_fatal(why);
  }

  // ---- the server ----

  void OnRequest(const pb::ControlRequest& request, ConnectionId connection,
                 ControllerServer::Reply reply) override {
    if (failed_) return;
    Dispatch({request, connection, std::move(reply), shard_.clock().Now()});
  }

  absl::Status OnQuorumFrame(const pb::QuorumFrame& frame, ConnectionId connection) override {
    return network_->Receive(connection, frame);
  }

  void OnDisconnected(ConnectionId connection) override {
    held_.Drop(connection);
    network_->OnClosed(connection);
    if (active_ != nullptr && !failed_) active_->OnDisconnected(connection);
  }

 private:
  void OpenNetwork(const Voter& self) {
    std::map<int32_t, Endpoint> peers = options_.voters;
    peers.erase(self.node_id);
    network_ = std::make_unique<QuorumNetwork>(
        *ports_.transport, shard_,
        QuorumNetwork::Options{.self = self,
                               .cluster_id = directory_->cluster_id(),
                               .advertised = Advertised(),
                               .peers = std::move(peers),
                               .founds = founds()},
        QuorumNetwork::Events{
            .on_found = [this](const Voter& voter) { replica_->PeerFound(voter); },
            .on_lost = [this](const Voter& voter) { replica_->PeerLost(voter); },
            .is_fresh = [this] { return replica_->fresh(); },
            .may_lead = [this](const Voter& voter) { return replica_->MayLead(voter); },
            .on_all_fresh = [this](const VoterSet& voters) { replica_->Form(voters); },
            .on_frame = [this](const pb::QuorumFrame& frame) { return replica_->Receive(frame); },
            .past = [this] { return replica_->past(); },
            .check_past = [this](
                              const Voter& voter,
                              const VoterPast& past) { return replica_->CheckPast(voter, past); },
            .on_life = [this](const Voter& voter,
                              const VoterLife& life) { replica_->HearLife(voter, life); },
            .on_older = [this](const absl::Status& why) { replica_->GiveUpAsOlder(why); }});
  }

  // Whether a new cluster may begin with this one.
  bool founds() const {
    return options_.voters.empty() || options_.voters.contains(options_.node_id);
  }

  // Where the others reach this one.
  Endpoint Advertised() const {
    const auto own = options_.voters.find(options_.node_id);
    if (own != options_.voters.end()) return own->second;
    if (options_.advertised.port != 0) return options_.advertised;
    return config::IsWildcard(options_.listen.host) ? Endpoint() : options_.listen;
  }

  // Where controllers are reached: as the log says, else the settings, else they themselves.
  std::map<int32_t, Endpoint> KnownEndpoints() const {
    std::map<int32_t, Endpoint> endpoints = options_.voters;
    if (const Endpoint own = Advertised(); own.port != 0) {
      endpoints.try_emplace(options_.node_id, own);
    }
    if (replica_ == nullptr) return endpoints;
    for (const auto& [node_id, endpoint] : EndpointsOf(replica_->voters())) {
      if (endpoint.port != 0) endpoints[node_id] = endpoint;
    }
    for (const Voter& learner : replica_->core().learners()) {
      if (const auto endpoint = network_->EndpointOf(learner.node_id)) {
        endpoints.try_emplace(learner.node_id, *endpoint);
      }
    }
    return endpoints;
  }

  // The log's is the only one that counts.
  absl::Status LearnClusterId() {
    const std::string& logged = publisher_.image().cluster_id;
    if (logged.empty() || logged == directory_->cluster_id()) return absl::OkStatus();
    if (!directory_->cluster_id().empty()) {
      return absl::FailedPreconditionError(
          fmt::format("the metadata log in {} belongs to cluster {}, this process to {}",
                      options_.data_directory, logged, directory_->cluster_id()));
    }
    network_->SetClusterId(logged);
    return directory_->AdoptCluster(logged);
  }

  // From now on the configuration says nothing about who votes.
  void LearnVoters(const pb::Voters& voters) {
    voters_ = EndpointsOf(voters);
    network_->SetVoters(voters_);
  }

  // Each request ends in one of four ways: it is handled here, its sender is told who leads, or
  // that nobody is known to; or its connection breaks.
  void Dispatch(HeldRequest held) {
    if (active_ != nullptr && replica_->may_append()) {
      if (held.request.has_subscribe()) {
        return server_->Subscribe(held.request, held.connection, std::move(held.reply));
      }
      if (held.request.has_change_voters()) return ChangeVoters(std::move(held));
      if (held.request.has_describe_quorum()) return AnswerQuorum(std::move(held));
      return active_->Handle(held.request, held.connection, std::move(held.reply));
    }
    const auto leader = replica_->core().reachable_leader();
    if (active_ == nullptr && leader && leader->node_id != options_.node_id) {
      return Refuse(std::move(held), leader);
    }
    held_.Add(std::move(held));
    ArmHeldTimer();
  }

  void ChangeVoters(HeldRequest held) {
    const pb::ChangeVotersRequest& request = held.request.change_voters();
    const Voter voter = FromPb(request.voter());
    ControllerResult result = DecideVoterChange(
        replica_->core(), KnownEndpoints(), request,
        replica_->IsFound(voter) ? network_->EndpointOf(voter.node_id) : std::nullopt);
    result.response.set_correlation_id(held.request.correlation_id());
    active_->HandleDecided(std::move(result), std::move(held.reply), request.without_commit());
  }

  void AnswerQuorum(HeldRequest held) {
    pb::ControlResponse response;
    response.set_correlation_id(held.request.correlation_id());
    *response.mutable_describe_quorum() =
        DescribeQuorum(replica_->core(), KnownEndpoints(), active_->Followers(),
                       {.now = shard_.clock().Now(), .wall_ms = shard_.clock().WallMs()});
    held.reply(response);
  }

  void Refuse(HeldRequest held, const std::optional<Voter>& leader) {
    pb::ControlResponse response;
    response.set_correlation_id(held.request.correlation_id());
    response.set_error(ToPb(kafka::ErrorCode::NOT_CONTROLLER));
    response.set_error_message(fmt::format("controller {} does not lead", options_.node_id));
    const auto found = leader ? voters_.find(leader->node_id) : voters_.end();
    if (found != voters_.end() && found->second.port != 0) {
      response.mutable_leader()->set_node_id(found->first);
      response.mutable_leader()->set_host(found->second.host);
      response.mutable_leader()->set_port(found->second.port);
    }
    held.reply(response);
  }

  void ArmHeldTimer() {
    if (held_timer_ != 0) return;
    held_timer_ = shard_.ScheduleAfter(options_.quorum.election_timeout, [this] {
      held_timer_ = 0;
      const MonotonicTime since = shard_.clock().Now() - options_.quorum.election_timeout;
      for (HeldRequest& held : held_.TakeSince(since)) {
        Refuse(std::move(held), std::nullopt);
      }
      if (!held_.empty()) ArmHeldTimer();
    });
  }

  void TellReady() {
    if (ready_ || failed_ || directory_->cluster_id().empty()) return;
    if (!leading() && !replica_->core().reachable_leader()) return;
    ready_ = true;
    if (options_.on_ready) options_.on_ready();
  }

  void Close() {
    shard_.CancelTimer(std::exchange(handover_timer_, 0));
    shard_.CancelTimer(std::exchange(held_timer_, 0));
    // Not inside of what calls this: the replica itself may.
    shard_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (alive.expired()) return;
      active_.reset();
      network_->Stop();
      server_->Stop();
      replica_->Close([this](absl::Status closed) {
        auto done = std::exchange(stopped_, nullptr);
        done(closed.ok() ? directory_->MarkClean(-1) : closed);
      });
    });
  }

  const Ports ports_;
  const ControllerOptions options_;
  Shard& shard_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<segment::DataDirectory> directory_;
  MetadataPublisher publisher_;
  std::unique_ptr<QuorumNetwork> network_;
  std::unique_ptr<QuorumReplica> replica_;
  std::unique_ptr<ActiveController> active_;  // while this one leads
  std::unique_ptr<ControllerServer> server_;
  std::map<int32_t, Endpoint> voters_ = options_.voters;  // where they are reached
  HeldRequests held_;
  TimerId held_timer_ = 0;
  TimerId handover_timer_ = 0;
  absl::AnyInvocable<void(absl::Status)> stopped_;
  bool ready_ = false;
  bool failed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ControllerNode>> ControllerNode::Start(
    const Ports& ports, const ControllerOptions& options) {
  CHECK(ports.shards->shard(0).IsCurrent(), "start a controller on its shard");
  auto node = std::make_unique<ControllerNodeImpl>(ports, options);
  if (absl::Status opened = node->Open(); !opened.ok()) return opened;
  return node;
}

}  // namespace soliton::controller

#include "broker/broker_shard.h"

#include "broker/partition/folder_claims.h"
#include "broker/producer_ids.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {
namespace {

constexpr Duration kConnectionCheckInterval = seconds(1);
// Leadership that ended so shortly after a pause, or in it, was not handed over.
constexpr Duration kPauseBeforeStepDown = seconds(10);
constexpr Duration kShortestLookInterval = milliseconds(5);
// So many connections may each have their share of large requests in flight at once.
constexpr int64_t kConnectionsAtLeast = 4;
// Lines about peers that were turned away.
constexpr int32_t kRefusalLines = 10;
constexpr Duration kRefusalPeriod = seconds(10);

PartitionTableOptions TableOptions(const BrokerOptions& options) {
  PartitionTableOptions table;
  table.partition.broker_id = options.node_id;
  table.partition.flush_before_ack = options.flush_before_ack;
  table.partition.serves_readers = options.rack_aware_reads;
  table.partition.replica.replica_lag_time_max = options.replica_lag_time_max;
  table.partition.replica.count_flushed = options.flush_before_ack;
  table.topic_defaults = options.topic_defaults;
  table.leader_throttle_rate = options.leader_throttle_rate;
  table.follower_throttle_rate = options.follower_throttle_rate;
  table.retention_check_interval = options.retention_check_interval;
  table.background_flush_interval = options.background_flush_interval;
  return table;
}

// The broker's slots are shared out evenly, rounded up.
size_t SlotsOfShard(const BrokerContext& context) {
  const int32_t shards = context.ports.shards->size();
  return static_cast<size_t>((context.options.fetch_session_slots + shards - 1) / shards);
}

}  // namespace

BrokerShard::BrokerShard(const BrokerContext& context, Shard& shard,
                         segment::DataDirectory& directory,
                         PartitionTable::HighWatermarks checkpointed_high_watermarks)
    : context_(context),
      shard_(shard),
      image_(std::make_shared<controller::MetadataImage>()),
      partitions_(context.ports, shard, directory, TableOptions(context.options),
                  std::move(checkpointed_high_watermarks), TableHooks()),
      pauses_([this](uint64_t doubt) { AskAfterPause(doubt); }),
      append_turn_(shard, partitions_, pauses_),
      produce_relay_(context.ports, shard, context.options.node_id, image_),
      fetchers_(context.ports, shard, context.options, partitions_,
                [this](int32_t peer, bool stands) { TellOfLink(peer, stands); }),
      fetch_sessions_(SlotsOfShard(context)),
      request_timeouts_(shard),
      memory_(context.options.memory_budget_bytes / context.ports.shards->size()),
      refusals_(kRefusalLines, kRefusalPeriod) {}

PartitionTable::Hooks BrokerShard::TableHooks() {
  return {
      .propose_isr = [this](const TopicPartition& id,
                            const IsrProposal& proposal) { ProposeIsr(id, proposal); },
      .on_role_changed = [this](const Partition& changed) { fetchers_.OnRoleChanged(changed); },
      .on_removed = [this](const TopicPartition& id) { fetchers_.OnRemoved(id); },
      .on_follower_flushed = [this](const Partition& flushed) { fetchers_.OnFlushed(flushed); },
      .claim_folder = [this](const std::string& folder,
                             Task granted) { ClaimFolder(folder, std::move(granted)); },
      .release_folder = [this](const std::string& folder) { ReleaseFolder(folder); },
      .on_loss =
          [this](const TopicPartition& id, Task remembered) {
            context_.shards[0]->shard().Post(
                [this, id, remembered = std::move(remembered)]() mutable {
                  context_.remember_loss(id, [this, remembered = std::move(remembered)]() mutable {
                    shard_.Post(std::move(remembered));
                  });
                });
          },
      .on_log_failed =
          [this](const absl::Status& why) {
            context_.shards[0]->shard().Post(
                [context = &context_, why] { context->on_log_failed(why); });
          },
  };
}

void BrokerShard::TellOfLink(int32_t peer, bool stands) {
  OnLink(peer, stands);
  for (BrokerShard* other : context_.shards) {
    if (other == this) continue;
    other->shard().Post([other, peer, stands] { other->OnLink(peer, stands); });
  }
}

void BrokerShard::OnLink(int32_t peer, bool stands) {
  if (closing_) return;
  if (!stands) return lost_peers_.Lost(peer, shard_.clock().Now());
  lost_peers_.Back(peer);
  WakeImageWaiters();
}

BrokerShard::~BrokerShard() = default;

void BrokerShard::Start() {
  partitions_.Start();
  shard_.ScheduleAfter(kConnectionCheckInterval, [this] { CheckConnections(); });
}

void BrokerShard::ApplyImage(const controller::MetadataImagePtr& image,
                             const controller::MetadataDelta& delta) {
  if (closing_) return;
  image_ = image;
  fetchers_.ApplyImage(*image);
  partitions_.ApplyImage(image, delta);
  WakeImageWaiters();
  for (auto& transport : std::exchange(early_, {})) StartConnection(std::move(transport));
}

void BrokerShard::OnRegistered(int64_t broker_epoch, const PauseWatch::Grant& grant) {
  broker_epoch_ = broker_epoch;
  fetchers_.SetBrokerEpoch(broker_epoch);
  const bool looks = pauses_.look_interval() > Duration::zero();
  pauses_.OnGrant(grant, shard_.clock().Now());
  if (!looks) LookForPauses();
}

void BrokerShard::LookForPauses() {
  if (closing_ || pauses_.look_interval() == Duration::zero()) return;
  pauses_.Look(shard_.clock().Now());
  shard_.ScheduleAfter(std::max(pauses_.look_interval(), kShortestLookInterval),
                       [this] { LookForPauses(); });
}

void BrokerShard::AskAfterPause(uint64_t doubt) {
  AskController([this, doubt](controller::ControllerClient& client) {
    client.ConfirmLeader([this, doubt] {
      // Behind the images that came before.
      shard_.Post([this, doubt] { pauses_.OnConfirmed(doubt, shard_.clock().Now()); });
    });
  });
}

void BrokerShard::WhenImage(std::function<bool(const controller::MetadataImage&)> ready,
                            Duration timeout, Task task) {
  if (ready(*image_)) {
    task();
    return;
  }
  const uint64_t id = next_waiter_id_++;
  ImageWaiter& waiter = image_waiters_[id];
  waiter.ready = std::move(ready);
  waiter.task = std::move(task);
  waiter.timer = shard_.ScheduleAfter(timeout, [this, id] {
    Task late = std::move(image_waiters_.at(id).task);
    image_waiters_.erase(id);
    late();
  });
}

void BrokerShard::WakeImageWaiters() {
  std::vector<Task> ready;
  for (auto it = image_waiters_.begin(); it != image_waiters_.end();) {
    if (!it->second.ready(*image_)) {
      ++it;
      continue;
    }
    shard_.CancelTimer(it->second.timer);
    ready.push_back(std::move(it->second.task));
    it = image_waiters_.erase(it);
  }
  for (Task& task : ready) task();
}

void BrokerShard::OnAccepted(std::shared_ptr<FramedConnection> transport) {
  if (closing_) return;
  if (image_->offset < 0) {
    early_.push_back(std::move(transport));
    return;
  }
  StartConnection(std::move(transport));
}

void BrokerShard::OnMovedHere(std::shared_ptr<FramedConnection> transport,
                              absl::AnyInvocable<void(const std::shared_ptr<Connection>&)> begin) {
  constexpr Duration kFirstImagePatience = seconds(30);
  // The other shard may have got the first image sooner.
  WhenImage([](const controller::MetadataImage& image) { return image.offset >= 0; },
            kFirstImagePatience,
            [this, transport = std::move(transport), begin = std::move(begin)]() mutable {
              if (!closing_) begin(StartConnection(std::move(transport)));
            });
}

std::shared_ptr<Connection> BrokerShard::StartConnection(
    std::shared_ptr<FramedConnection> transport) {
  ConnectionLimits limits;
  limits.max_requests_in_flight = options().max_requests_in_flight_per_connection;
  limits.max_unsent_bytes = options().max_unsent_bytes_per_connection;
  limits.max_request_bytes = memory_.largest_bytes() / kConnectionsAtLeast;
  auto connection =
      Connection::Create(*this, std::move(transport), limits, options().connection_timeouts);
  connections_[connection->id()] = connection;
  connection->Start();
  return connection;
}

void BrokerShard::ReleaseMemory(MemoryBudget::Class what, int64_t bytes) {
  if (bytes > 0) WakeMemoryWaiters(memory_.Release(what, bytes));
}

void BrokerShard::StopWaitingForMemory(uint64_t connection_id) {
  WakeMemoryWaiters(memory_.Forget(connection_id));
}

void BrokerShard::WakeMemoryWaiters(const std::vector<uint64_t>& granted) {
  for (uint64_t id : granted) {
    const auto found = connections_.find(id);
    CHECK(found != connections_.end(), "memory for a connection that is gone");
    found->second->OnMemoryGranted();
  }
}

void BrokerShard::CheckConnections() {
  const MonotonicTime now = shard_.clock().Now();
  for (auto& [id, connection] : connections_) connection->CheckProgress(now);
  if (closing_) return;
  shard_.ScheduleAfter(kConnectionCheckInterval, [this] { CheckConnections(); });
}

void BrokerShard::OnDiskMeasured(std::optional<AppendRefusal> refusal, int64_t allowance_bytes) {
  append_refusal_ = std::move(refusal);
  append_allowance_bytes_ = allowance_bytes;
}

void BrokerShard::CountAppended(int64_t bytes) {
  const bool had_some = append_allowance_bytes_ > 0;
  append_allowance_bytes_ -= bytes;
  if (!had_some || append_allowance_bytes_ > 0) return;
  context_.shards[0]->shard().Post([context = &context_] { context->measure_disk(); });
}

void BrokerShard::LogRefusal(std::string_view text) {
  const auto left_out = refusals_.Admit(shard_.clock().Now());
  if (!left_out) return;
  LogWarn("{}{}", text,
          *left_out > 0 ? fmt::format(" ({} more such lines left out before)", *left_out) : "");
}

void BrokerShard::OnConnectionClosed(uint64_t id) {
  parked_replica_fetches_.erase(id);
  connections_.erase(id);
  if (let_go_ && connections_.empty()) FinishLettingGo();
}

void BrokerShard::ParkReplicaFetch(uint64_t connection_id, std::function<void()> release) {
  parked_replica_fetches_[connection_id] = std::move(release);
}

void BrokerShard::ReleaseReplicaFetch(uint64_t connection_id) {
  auto found = parked_replica_fetches_.find(connection_id);
  if (found == parked_replica_fetches_.end()) return;
  std::function<void()> release = std::move(found->second);
  parked_replica_fetches_.erase(found);
  release();
}

void BrokerShard::AskController(std::function<void(controller::ControllerClient&)> call) {
  BrokerShard& first = *context_.shards[0];
  first.shard().Post([context = &context_, call = std::move(call)] { call(*context->controller); });
}

void BrokerShard::NextProducerId(absl::AnyInvocable<void(absl::StatusOr<int64_t>)> done) {
  context_.shards[0]->shard().Post([this, done = std::move(done)]() mutable {
    context_.producer_ids->Next([this, done = std::move(done)](absl::StatusOr<int64_t> id) mutable {
      shard_.Post([done = std::move(done), id]() mutable { done(id); });
    });
  });
}

void BrokerShard::ProposeIsr(const TopicPartition& id, const IsrProposal& proposal) {
  isr_proposals_.Add(id, proposal);
  if (std::exchange(isr_proposals_wait_, true)) return;
  shard_.Post([this] {
    isr_proposals_wait_ = false;
    SendIsrProposals();
  });
}

void BrokerShard::SendIsrProposals() {
  IsrProposals::Request request = isr_proposals_.StartRequest();
  if (request.empty()) return;
  std::vector<controller::IsrChangeRequest> changes;
  for (const auto& [id, proposal] : request) {
    controller::IsrChangeRequest& change = changes.emplace_back();
    change.topic_id = id.topic_id;
    change.partition = id.partition;
    change.leader_epoch = proposal.leader_epoch;
    change.partition_epoch = proposal.partition_epoch;
    for (const IsrMember& member : proposal.new_isr) {
      change.new_isr.push_back({member.broker_id, member.broker_epoch});
    }
  }
  AskController([this, request = std::move(request),
                 changes = std::move(changes)](controller::ControllerClient& client) {
    client.AlterPartition(
        changes, [this, request](absl::StatusOr<std::vector<controller::IsrChangeResult>> results) {
          shard_.Post([this, request, results = std::move(results)] {
            isr_proposals_.OnRequestDone();
            OnIsrAnswer(request, results);
            SendIsrProposals();
          });
        });
  });
}

void BrokerShard::OnIsrAnswer(
    const IsrProposals::Request& request,
    const absl::StatusOr<std::vector<controller::IsrChangeResult>>& results) {
  if (results.ok() && results->size() == request.size()) {
    for (size_t i = 0; i < request.size(); ++i) {
      const controller::IsrChangeResult& result = (*results)[i];
      partitions_.OnIsrAnswer(request[i].first, request[i].second, result.error,
                              result.partition.partition_epoch);
    }
    return;
  }
  // Not sent, or refused as a whole: it was not applied. Anything else leaves that open.
  const auto error = absl::IsUnavailable(results.status())
                         ? kafka::ErrorCode::OPERATION_NOT_ATTEMPTED
                         : kafka::ErrorCode::REQUEST_TIMED_OUT;
  LogInfo("the controller did not decide on in-sync replicas of {} partitions: {}", request.size(),
          results.ok() ? "too few answers" : std::string(results.status().message()));
  for (const auto& [id, proposal] : request) partitions_.OnIsrAnswer(id, proposal, error, -1);
}

void BrokerShard::ClaimFolder(const std::string& folder, Task granted) {
  context_.shards[0]->shard().Post([this, folder, granted = std::move(granted)]() mutable {
    context_.folder_claims->Claim(folder, [this, granted = std::move(granted)]() mutable {
      shard_.Post(std::move(granted));
    });
  });
}

void BrokerShard::ReleaseFolder(const std::string& folder) {
  context_.shards[0]->shard().Post([this, folder] { context_.folder_claims->Release(folder); });
}

bool BrokerShard::MayRelay(const TopicPartition& id) {
  const Partition* partition = partitions_.Find(id);
  if (closing_ || partition == nullptr || !partition->led_until()) return false;
  // What waited in the sockets of a process that was stopped, its clients may have given up and
  // sent elsewhere long ago.
  const bool stale =
      pauses_.HasPausedSince(*partition->led_until() - kPauseBeforeStepDown, shard_.clock().Now());
  return !stale && produce_relay_.CanTake(id, *partition->led_until());
}

bool BrokerShard::LeadsNothing() {
  if (leads_nothing_.first == image_->offset) return leads_nothing_.second;
  bool none = true;
  for (const auto& [id, topic] : image_->topics_by_id) {
    for (const controller::PartitionInfo& partition : topic->partitions) {
      none = none && partition.leader != options().node_id;
    }
    if (!none) break;
  }
  leads_nothing_ = {image_->offset, none};
  return none;
}

void BrokerShard::LetConnectionsGo(Duration patience, Task done) {
  let_go_ = std::move(done);
  let_go_timer_ = shard_.ScheduleAfter(patience, [this] { FinishLettingGo(); });
  std::vector<std::shared_ptr<Connection>> open;
  for (auto& [id, connection] : connections_) open.push_back(connection);
  for (auto& connection : open) connection->CloseWhenQuiet();
  if (connections_.empty()) FinishLettingGo();
}

void BrokerShard::FinishLettingGo() {
  if (!let_go_) return;
  shard_.CancelTimer(std::exchange(let_go_timer_, 0));
  // Not inside of a connection's end.
  shard_.Post(std::exchange(let_go_, nullptr));
}

void BrokerShard::CloseConnections() {
  closing_ = true;
  fetchers_.Close();
  early_.clear();
  std::vector<std::shared_ptr<Connection>> open;
  for (auto& [id, connection] : connections_) open.push_back(connection);
  for (auto& connection : open) connection->Close("the broker is stopping");
}

}  // namespace soliton::broker

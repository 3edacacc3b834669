#include "broker/broker_shard.h"

#include "broker/partition/folder_claims.h"
#include "broker/producer_ids.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {
namespace {

PartitionTableOptions TableOptions(const BrokerOptions& options) {
  PartitionTableOptions table;
  table.partition.broker_id = options.node_id;
  table.partition.flush_before_ack = options.flush_before_ack;
  table.partition.replica.replica_lag_time_max = options.replica_lag_time_max;
  table.partition.replica.count_flushed = options.flush_before_ack;
  table.topic_defaults = options.topic_defaults;
  table.retention_check_interval = options.retention_check_interval;
  table.background_flush_interval = options.background_flush_interval;
  return table;
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
      fetchers_(context.ports, shard, context.options, partitions_) {}

PartitionTable::Hooks BrokerShard::TableHooks() {
  return {
      .propose_isr = [this](const TopicPartition& id,
                            const IsrProposal& proposal) { SendIsrProposal(id, proposal); },
      .on_role_changed = [this](const Partition& changed) { fetchers_.OnRoleChanged(changed); },
      .on_removed = [this](const TopicPartition& id) { fetchers_.OnRemoved(id); },
      .on_follower_flushed = [this](const Partition& flushed) { fetchers_.OnFlushed(flushed); },
      .claim_folder = [this](const std::string& folder,
                             Task granted) { ClaimFolder(folder, std::move(granted)); },
      .release_folder = [this](const std::string& folder) { ReleaseFolder(folder); },
      .on_log_failed =
          [this](const absl::Status& why) {
            context_.shards[0]->shard().Post(
                [context = &context_, why] { context->on_log_failed(why); });
          },
  };
}

BrokerShard::~BrokerShard() = default;

void BrokerShard::Start() { partitions_.Start(); }

void BrokerShard::ApplyImage(const controller::MetadataImagePtr& image,
                             const controller::MetadataDelta& delta) {
  if (closing_) return;
  image_ = image;
  fetchers_.ApplyImage(*image);
  partitions_.ApplyImage(image, delta);
  WakeImageWaiters();
  for (auto& transport : std::exchange(early_, {})) StartConnection(std::move(transport));
}

void BrokerShard::OnRegistered(int64_t broker_epoch) {
  broker_epoch_ = broker_epoch;
  fetchers_.SetBrokerEpoch(broker_epoch);
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
  auto connection = Connection::Create(*this, std::move(transport), limits);
  connections_[connection->id()] = connection;
  connection->Start();
  return connection;
}

void BrokerShard::CountRequestBytes(int64_t change) {
  request_bytes_ += change;
  const int64_t share = options().max_queued_request_bytes / context_.ports.shards->size();
  // With a gap between the two marks, so that connections do not flap.
  const bool is_short = memory_short_ ? request_bytes_ > share / 2 : request_bytes_ > share;
  if (is_short == memory_short_) return;
  memory_short_ = is_short;
  for (auto& [id, connection] : connections_) connection->OnMemoryChanged();
}

void BrokerShard::OnConnectionClosed(uint64_t id) {
  parked_replica_fetches_.erase(id);
  connections_.erase(id);
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

void BrokerShard::SendIsrProposal(const TopicPartition& id, const IsrProposal& proposal) {
  controller::IsrChangeRequest change;
  change.topic_id = id.topic_id;
  change.partition = id.partition;
  change.leader_epoch = proposal.leader_epoch;
  change.partition_epoch = proposal.partition_epoch;
  for (const IsrMember& member : proposal.new_isr) {
    change.new_isr.push_back({member.broker_id, member.broker_epoch});
  }
  AskController([this, id, proposal, change](controller::ControllerClient& client) {
    client.AlterPartition(
        {change},
        [this, id, proposal](absl::StatusOr<std::vector<controller::IsrChangeResult>> results) {
          shard_.Post([this, id, proposal, results = std::move(results)] {
            OnIsrAnswer(id, proposal, results);
          });
        });
  });
}

void BrokerShard::OnIsrAnswer(
    const TopicPartition& id, const IsrProposal& proposal,
    const absl::StatusOr<std::vector<controller::IsrChangeResult>>& results) {
  if (!results.ok() || results->size() != 1) {
    // Not sent, or refused as a whole: it was not applied. Anything else leaves that open.
    partitions_.OnIsrAnswer(id, proposal,
                            absl::IsUnavailable(results.status())
                                ? kafka::ErrorCode::OPERATION_NOT_ATTEMPTED
                                : kafka::ErrorCode::REQUEST_TIMED_OUT,
                            {});
    return;
  }
  const controller::IsrChangeResult& result = results->front();
  CommittedState state;
  const controller::TopicInfo* topic = image_->FindTopic(id.topic_id);
  if (result.error == kafka::ErrorCode::NONE && topic != nullptr) {
    state = partitions_.StateOf(*topic, id.partition);
    state.leader = result.partition.leader;
    state.leader_epoch = result.partition.leader_epoch;
    state.partition_epoch = result.partition.partition_epoch;
    state.replicas = result.partition.replicas;
    state.isr = result.partition.isr;
  }
  partitions_.OnIsrAnswer(id, proposal, result.error, state);
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

void BrokerShard::CloseConnections() {
  closing_ = true;
  fetchers_.Close();
  early_.clear();
  std::vector<std::shared_ptr<Connection>> open;
  for (auto& [id, connection] : connections_) open.push_back(connection);
  for (auto& connection : open) connection->Close("the broker is stopping");
}

}  // namespace soliton::broker

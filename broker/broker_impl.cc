#include "broker/broker_impl.h"

#include <charconv>

#include "runtime/base/check.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {
namespace {

// Remembers the last broker epoch, also through an unclean stop. See PreviousBrokerEpoch.
constexpr std::string_view kBrokerEpochFile = "broker-epoch";
constexpr Duration kControlledShutdownTimeout = seconds(10);

int64_t ReadBrokerEpoch(const FileSystem& fs, const std::string& directory) {
  auto text = ReadFile(fs, JoinPath(directory, kBrokerEpochFile));
  int64_t epoch = -1;
  if (!text.ok()) return -1;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), epoch);
  return error == std::errc() ? epoch : -1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Broker>> Broker::Start(const Ports& ports,
                                                      const BrokerOptions& options, Events events) {
  auto broker = std::make_unique<BrokerImpl>(ports, options, std::move(events));
  if (absl::Status status = broker->Open(); !status.ok()) return status;
  return broker;
}

BrokerImpl::BrokerImpl(const Ports& ports, const BrokerOptions& options, Events events)
    : context_{.ports = ports, .options = options, .shards = {}}, events_(std::move(events)) {}

BrokerImpl::~BrokerImpl() = default;

absl::Status BrokerImpl::Open() {
  const BrokerOptions& options = context_.options;
  auto directory =
      segment::DataDirectory::Open(*context_.ports.files, options.data_directory,
                                   options.cluster_id, options.node_id, shard().random());
  if (!directory.ok()) return directory.status();
  directory_ = std::move(*directory);
  const auto high_watermarks = directory_->ReadHighWatermarks();
  for (int i = 0; i < context_.ports.shards->size(); ++i) {
    shards_.push_back(std::make_unique<BrokerShard>(context_, context_.ports.shards->shard(i),
                                                    *directory_, high_watermarks));
    context_.shards.push_back(shards_.back().get());
  }
  ConnectionOptions connection{.max_frame_bytes = options.max_request_bytes};
  auto listener = context_.ports.transport->Listen(
      options.listen, connection, *context_.ports.shards,
      [this](Shard& where, std::shared_ptr<FramedConnection> transport) {
        shards_[static_cast<size_t>(where.index())]->OnAccepted(std::move(transport));
      });
  if (!listener.ok()) return listener.status();
  listener_ = std::move(*listener);
  Endpoint advertised = options.advertised.value_or(options.listen);
  if (advertised.port == 0) advertised.port = listener_->port();
  for (auto& owned : shards_) {
    owned->shard().Post([owned = owned.get()] { owned->Start(); });
  }
  StartController(advertised);
  checkpoint_timer_ = shard().ScheduleAfter(options.high_watermark_checkpoint_interval,
                                            [this] { CheckpointHighWatermarks(); });
  return absl::OkStatus();
}

void BrokerImpl::StartController(const Endpoint& advertised) {
  const BrokerOptions& options = context_.options;
  controller::ControllerClientOptions client;
  client.controllers = options.controllers;
  client.broker_id = options.node_id;
  client.cluster_id = options.cluster_id;
  client.incarnation_id = Uuid::Generate(shard().random());
  client.directory_id = directory_->directory_id();
  client.advertised = advertised;
  client.rack = options.rack;
  client.previous_broker_epoch = PreviousBrokerEpoch();
  client.heartbeat_interval = options.heartbeat_interval;
  controller_ = controller::ControllerClient::Create(
      context_.ports, shard(), client,
      {.on_image = [this](controller::MetadataImagePtr image,
                          const controller::MetadataDelta& delta) { OnImage(image, delta); },
       .on_registered = [this](int64_t broker_epoch) { OnRegistered(broker_epoch); },
       .on_refused = [this](const absl::Status& why) { events_.on_fatal(why); }});
  context_.controller = controller_.get();
  producer_ids_ = std::make_unique<ProducerIds>(*controller_);
  context_.producer_ids = producer_ids_.get();
  controller_->Start();
}

int64_t BrokerImpl::PreviousBrokerEpoch() const {
  if (directory_->was_clean()) return directory_->clean_broker_epoch();
  if (!context_.options.flush_before_ack) return -1;
  return ReadBrokerEpoch(*context_.ports.files, directory_->path());
}

void BrokerImpl::OnRegistered(int64_t broker_epoch) {
  LogInfo("registered with the controller, broker epoch {}", broker_epoch);
  absl::Status stored =
      WriteFileAtomically(*context_.ports.files, JoinPath(directory_->path(), kBrokerEpochFile),
                          fmt::format("{}\n", broker_epoch));
  if (!stored.ok()) LogError("cannot store the broker epoch: {}", stored.ToString());
  for (auto& owned : shards_) {
    owned->shard().Post([owned = owned.get(), broker_epoch] { owned->OnRegistered(broker_epoch); });
  }
}

void BrokerImpl::OnImage(const controller::MetadataImagePtr& image,
                         const controller::MetadataDelta& delta) {
  if (first_image_) {
    first_image_ = false;
    QuarantineStrays(*image);
  }
  for (auto& owned : shards_) {
    owned->shard().Post([owned = owned.get(), image, delta] { owned->ApplyImage(image, delta); });
  }
  if (!ready_) {
    ready_ = true;
    ReadyWhenOpened();
  }
  NoticeUnfenced(*image);
}

void BrokerImpl::QuarantineStrays(const controller::MetadataImage& image) {
  auto folders = directory_->ListPartitions();
  if (!folders.ok()) {
    LogError("cannot list {}: {}", directory_->path(), folders.status().ToString());
    return;
  }
  for (const segment::PartitionFolder& folder : *folders) {
    const controller::PartitionInfo* info = image.FindPartition(folder.topic_id, folder.partition);
    const bool hosted =
        info != nullptr && std::find(info->replicas.begin(), info->replicas.end(),
                                     context_.options.node_id) != info->replicas.end();
    if (hosted) continue;
    const std::string aside =
        fmt::format("{}.{}-stray", folder.path, Uuid::Generate(shard().random()).ToString());
    LogWarn("{} belongs to no partition of this broker; set aside as {}", folder.path, aside);
    absl::Status renamed = context_.ports.files->Rename(folder.path, aside);
    if (!renamed.ok()) LogError("renaming {}: {}", folder.path, renamed.ToString());
  }
}

void BrokerImpl::ReadyWhenOpened() {
  auto missing = std::make_shared<size_t>(shards_.size());
  for (auto& owned : shards_) {
    // Queued behind the image of OnImage, so opening has begun when WhenIdle is asked.
    owned->shard().Post([this, owned = owned.get(), missing] {
      owned->partitions().WhenIdle([this, missing] {
        shard().Post([this, missing] {
          if (--*missing == 0) controller_->SetReady();
        });
      });
    });
  }
}

void BrokerImpl::NoticeUnfenced(const controller::MetadataImage& image) {
  if (serving_) return;
  const controller::BrokerInfo* self = image.FindBroker(context_.options.node_id);
  if (self == nullptr || self->fenced || self->broker_epoch != controller_->broker_epoch()) return;
  serving_ = true;
  if (events_.on_serving) events_.on_serving();
}

void BrokerImpl::OnEveryShard(std::function<void(BrokerShard&)> work, Task done) {
  auto missing = std::make_shared<size_t>(shards_.size());
  auto finish = std::make_shared<Task>(std::move(done));
  for (auto& owned : shards_) {
    owned->shard().Post([this, owned = owned.get(), work, missing, finish] {
      work(*owned);
      shard().Post([missing, finish] {
        if (--*missing == 0) (*finish)();
      });
    });
  }
}

void BrokerImpl::CheckpointHighWatermarks() {
  if (stopping_ || checkpointing_) return;
  checkpointing_ = true;
  using Map = std::map<segment::TopicPartitionName, int64_t>;
  auto parts = std::make_shared<std::vector<Map>>(shards_.size());
  OnEveryShard(
      [parts](BrokerShard& owned) {
        Map& part = (*parts)[static_cast<size_t>(owned.shard().index())];
        for (const auto& [id, partition] : owned.partitions().partitions()) {
          part[{partition->topic(), id.partition}] = partition->replica().high_watermark();
        }
      },
      [this, parts] {
        auto all = std::make_shared<Map>();
        for (Map& part : *parts) all->merge(part);
        context_.ports.disk->Submit(
            0, shard(),
            [all, directory = directory_.get()] {
              absl::Status status = directory->WriteHighWatermarks(*all);
              if (!status.ok()) LogWarn("high watermark checkpoint: {}", status.ToString());
            },
            [this] {
              checkpointing_ = false;
              if (stopping_) return;
              checkpoint_timer_ =
                  shard().ScheduleAfter(context_.options.high_watermark_checkpoint_interval,
                                        [this] { CheckpointHighWatermarks(); });
            });
      });
}

void BrokerImpl::Stop(absl::AnyInvocable<void(absl::Status)> done) {
  CHECK(!stopping_, "stopped twice");
  stopping_ = true;
  shard().CancelTimer(checkpoint_timer_);
  LogInfo("stopping: handing leadership over");
  controller_->ControlledShutdown(
      kControlledShutdownTimeout,
      [this, done = std::move(done)]() mutable { CloseAll(std::move(done)); });
}

void BrokerImpl::CloseAll(absl::AnyInvocable<void(absl::Status)> done) {
  listener_.reset();
  auto statuses = std::make_shared<std::vector<absl::Status>>(shards_.size());
  OnEveryShard(
      [statuses](BrokerShard& owned) {
        owned.CloseConnections();
        (*statuses)[static_cast<size_t>(owned.shard().index())] = owned.partitions().CloseAll();
      },
      [this, statuses, done = std::move(done)]() mutable {
        for (const absl::Status& status : *statuses) {
          if (!status.ok()) return done(status);
        }
        done(directory_->MarkClean(controller_->broker_epoch()));
      });
}

std::vector<Broker::ReplicaSnapshot> BrokerImpl::Replicas() const {
  std::vector<ReplicaSnapshot> all;
  for (const auto& owned : shards_) {
    for (const auto& [id, partition] : owned->partitions().partitions()) {
      const ReplicaCore& replica = partition->replica();
      all.push_back({id.topic_id, partition->topic(), id.partition, partition->is_leader(),
                     replica.leader_epoch(), replica.isr(), partition->log().log_start_offset(),
                     replica.high_watermark(), partition->log().log_end_offset(),
                     partition->log().flushed_offset()});
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tie(a.topic_id, a.partition) < std::tie(b.topic_id, b.partition);
  });
  return all;
}

absl::StatusOr<Buffer> BrokerImpl::ReadReplica(const Uuid& topic_id, int32_t partition,
                                               int64_t from, int64_t to) const {
  const TopicPartition id{topic_id, partition};
  Partition* found = context_.OwnerOf(id).partitions().Find(id);
  if (found == nullptr) return absl::NotFoundError("no such replica here");
  BufferChain bytes;
  for (int64_t offset = from; offset < to;) {
    auto slice = found->ReadLog(offset, to);
    if (!slice.ok()) return slice.status();
    if (slice->region.length == 0) break;
    offset = slice->end_offset;
    bytes.Append(std::move(slice->region));
  }
  return bytes.Flatten();
}

}  // namespace soliton::broker

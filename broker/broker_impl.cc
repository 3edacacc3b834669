#include "broker/broker_impl.h"

#include <charconv>

#include "broker/broker_life.h"
#include "broker/partition/partition_folder.h"
#include "broker/server/peer_broker.h"
#include "runtime/base/mutant.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {
namespace {

// Remembers the last broker epoch, also through an unclean stop. See PreviousBrokerEpoch.
constexpr std::string_view kBrokerEpochFile = "broker-epoch";

constexpr Duration kDiskCheckInterval = seconds(1);

int64_t ReadBrokerEpoch(const FileSystem& fs, const std::string& directory) {
  auto text = ReadFile(fs, JoinPath(directory, kBrokerEpochFile));
  int64_t epoch = -1;
  if (!text.ok()) return -1;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), epoch);
  return error == std::errc() ? epoch : -1;
}

std::vector<controller::TopicPartitionId> NamesOf(const std::vector<TopicPartition>& replicas) {
  std::vector<controller::TopicPartitionId> names;
  for (const TopicPartition& id : replicas) names.emplace_back(id.topic_id, id.partition);
  return names;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Broker>> Broker::Start(const Ports& ports,
                                                      const BrokerOptions& options, Events events) {
  auto broker = std::make_unique<BrokerImpl>(ports, options, std::move(events));
  if (absl::Status status = broker->Open(); !status.ok()) return status;
  return broker;
}

BrokerImpl::BrokerImpl(const Ports& ports, const BrokerOptions& options, Events events)
    : context_{.ports = ports, .options = options, .shards = {}},
      events_(std::move(events)),
      disk_space_(options.data_directory, options.min_free_disk_bytes) {}

BrokerImpl::~BrokerImpl() = default;

absl::Status BrokerImpl::Open() {
  const BrokerOptions& options = context_.options;
  auto directory =
      segment::DataDirectory::Open(*context_.ports.files, options.data_directory,
                                   options.cluster_id, options.node_id, shard().random());
  if (!directory.ok()) return directory.status();
  directory_ = std::move(*directory);
  losses_ = std::make_unique<LostReplicas>(*context_.ports.files, directory_->path());
  life_ = ReadLife(*context_.ports.files, directory_->path());
  if (absl::Status begun = BeginLife(); !begun.ok()) return begun;
  context_.folder_claims = &folder_claims_;
  context_.measure_disk = [this] {
    if (!stopping_) MeasureDisk();
  };
  context_.remember_loss = [this](const TopicPartition& id, Task remembered) {
    RememberLoss(id, std::move(remembered));
  };
  context_.on_log_failed = [this](const absl::Status& why) { Fail(why); };
  const auto high_watermarks = directory_->ReadHighWatermarks();
  for (int i = 0; i < context_.ports.shards->size(); ++i) {
    shards_.push_back(std::make_unique<BrokerShard>(context_, context_.ports.shards->shard(i),
                                                    *directory_, high_watermarks));
    context_.shards.push_back(shards_.back().get());
  }
  ConnectionOptions connection{
      .max_frame_bytes = options.max_request_bytes,
      .max_connections = options.max_connections,
      .max_connections_per_address = options.max_connections_per_address,
      .reserved_connections = options.reserved_broker_connections,
      .may_use_reserve = [first = shards_.front().get()](std::span<const uint8_t> head) {
        const auto peer = PeerBroker::FromRequest(head);
        return peer && peer->IsRegisteredIn(*first->image());
      }};
  // What no shard could ever take must not be waited for.
  const int64_t largest = shards_.front()->memory().largest_bytes();
  if (largest < connection.max_frame_bytes) {
    LogWarn(
        "requests above {} bytes are refused: queued.max.request.bytes = {}, over {} shards, has "
        "no room for socket.request.max.bytes = {}",
        largest, options.memory_budget_bytes, context_.ports.shards->size(),
        connection.max_frame_bytes);
    connection.max_frame_bytes = largest;
  }
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
  WatchDisk();
  checkpoint_timer_ = shard().ScheduleAfter(options.high_watermark_checkpoint_interval,
                                            [this] { CheckpointHighWatermarks(); });
  return absl::OkStatus();
}

void BrokerImpl::StartController(const Endpoint& advertised) {
  const BrokerOptions& options = context_.options;
  controller::ControllerClientOptions client;
  client.controllers = options.controllers;
  client.broker_id = options.node_id;
  client.cluster_id = directory_->cluster_id();
  client.incarnation_id = Uuid::Generate(shard().random());
  client.directory_id = directory_->directory_id();
  client.advertised = advertised;
  client.rack = options.rack;
  held_epoch_ = PreviousBrokerEpoch();
  if (absl::Status read = losses_->Read(); !read.ok()) {
    LogError("all replicas count as lost, which of them are is not known: {}", read.ToString());
    held_epoch_ = -1;
  }
  declared_losses_ = losses_->all();
  if (!declared_losses_.empty() && SOLITON_MUTANT("one_lost_replica_is_all_lost")) held_epoch_ = -1;
  client.lost_replicas = NamesOf(declared_losses_);
  client.previous_broker_epoch = held_epoch_;
  client.first_life = life_;
  client.heartbeat_interval = options.heartbeat_interval;
  controller_ = controller::ControllerClient::Create(
      context_.ports, shard(), client,
      {.on_image = [this](controller::MetadataImagePtr image,
                          const controller::MetadataDelta& delta) { OnImage(image, delta); },
       .on_registered = [this](int64_t broker_epoch) { OnRegistered(broker_epoch); },
       .on_refused = [this](const absl::Status& why) { Fail(why); }});
  context_.controller = controller_.get();
  producer_ids_ = std::make_unique<ProducerIds>(*controller_);
  context_.producer_ids = producer_ids_.get();
  controller_->Start();
  WatchDataPath();
}

void BrokerImpl::Fail(const absl::Status& why) {
  if (std::exchange(failed_, true)) return;
  LogError("this broker cannot go on: {}", why.ToString());
  if (events_.on_fatal) events_.on_fatal(why);
}

int64_t BrokerImpl::PreviousBrokerEpoch() const {
  if (directory_->was_clean()) return directory_->clean_broker_epoch();
  if (!context_.options.flush_before_ack) return -1;
  return ReadBrokerEpoch(*context_.ports.files, directory_->path());
}

absl::Status BrokerImpl::AdoptCluster() {
  return directory_->AdoptCluster(controller_->cluster_id());
}

void BrokerImpl::StoreBrokerEpoch(int64_t broker_epoch) {
  // With durability=page-cache an unclean stop may lose what was acknowledged, also when the next
  // start is configured to flush: there is no epoch to come back with.
  const std::string path = JoinPath(directory_->path(), kBrokerEpochFile);
  FileSystem& files = *context_.ports.files;
  absl::Status stored = context_.options.flush_before_ack
                            ? WriteFileAtomically(files, path, fmt::format("{}\n", broker_epoch))
                            : files.Remove(path);
  if (!stored.ok()) Fail(stored);
}

void BrokerImpl::OnRegistered(int64_t broker_epoch) {
  if (stopping_) return;
  LogInfo("registered with the controller of cluster {}, broker epoch {}",
          controller_->cluster_id(), broker_epoch);
  if (absl::Status adopted = AdoptCluster(); !adopted.ok()) return Fail(adopted);
  held_epoch_ = broker_epoch;
  StoreBrokerEpoch(broker_epoch);
  // Known is what was said with this registration.
  if (absl::Status forgotten = losses_->Forget(declared_losses_); !forgotten.ok()) {
    return Fail(forgotten);
  }
  for (auto& owned : shards_) {
    const PauseWatch::Grant grant{.grace = controller_->grace(),
                                  .patience = controller_->session_timeout()};
    owned->shard().Post([owned = owned.get(), broker_epoch, grant, declared = declared_losses_] {
      owned->OnRegistered(broker_epoch, grant);
      owned->partitions().OnLossDeclared(declared, broker_epoch);
    });
  }
}

void BrokerImpl::OnImage(const controller::MetadataImagePtr& image,
                         const controller::MetadataDelta& delta) {
  if (failed_) return;
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
  const auto hosts = [&](const controller::TopicInfo* topic, int32_t partition) {
    if (topic == nullptr || static_cast<size_t>(partition) >= topic->partitions.size())
      return false;
    const auto& replicas = topic->partitions[static_cast<size_t>(partition)].replicas;
    return std::find(replicas.begin(), replicas.end(), context_.options.node_id) != replicas.end();
  };
  for (const segment::PartitionFolder& folder : *folders) {
    // Without a readable topic id it may be what it is called; whoever opens it will see.
    const bool nameless = folder.topic_id.is_zero();
    if (hosts(nameless ? image.FindTopic(folder.topic) : image.FindTopic(folder.topic_id),
              folder.partition)) {
      continue;
    }
    absl::Status aside = SetAside(*context_.ports.files, folder.path, shard().random());
    if (!aside.ok()) LogError("setting {} aside: {}", folder.path, aside.ToString());
  }
}

void BrokerImpl::ReadyWhenOpened() {
  auto missing = std::make_shared<size_t>(shards_.size());
  auto lost = std::make_shared<std::vector<TopicPartition>>();
  for (auto& owned : shards_) {
    // Queued behind the image of OnImage, so opening has begun when WhenIdle is asked.
    owned->shard().Post([this, owned = owned.get(), missing, lost] {
      owned->partitions().WhenIdle([this, owned, missing, lost] {
        shard().Post([this, missing, lost, more = owned->partitions().lost_replicas()] {
          lost->insert(lost->end(), more.begin(), more.end());
          if (--*missing == 0) OnOpened(std::move(*lost));
        });
      });
    });
  }
}

absl::Status BrokerImpl::BeginLife() {
  return WriteLife(*context_.ports.files, directory_->path(), ++life_);
}

void BrokerImpl::RememberLoss(const TopicPartition& id, Task remembered) {
  losses_to_write_.push_back(id);
  waiting_for_losses_.push_back(std::move(remembered));
  if (losses_to_write_.size() == 1) shard().Post([this] { WriteLosses(); });
}

void BrokerImpl::WriteLosses() {
  absl::Status written = losses_->Add(std::exchange(losses_to_write_, {}));
  if (!written.ok()) return Fail(written);
  for (Task& remembered : std::exchange(waiting_for_losses_, {})) remembered();
}

void BrokerImpl::OnOpened(std::vector<TopicPartition> lost_replicas) {
  if (!lost_replicas.empty()) {
    if (absl::Status written = losses_->Add(lost_replicas); !written.ok()) return Fail(written);
    // What is registered anew has to be newer than what was heard. No other one is being written:
    // that begins with `opened_`.
    if (absl::Status begun = BeginLife(); !begun.ok()) return Fail(begun);
    controller_->SetLife(life_);
    controller_->DeclareDataLoss(NamesOf(lost_replicas));
    declared_losses_ = std::move(lost_replicas);
  }
  // What the checkpoint says of a log that came back shorter has been heeded.
  opened_ = true;
  controller_->SetReady();
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

void BrokerImpl::WatchDataPath() {
  using Answer = absl::AnyInvocable<void(DataPathWatch::OldestFlush)>;
  data_path_ = std::make_unique<DataPathWatch>(
      shard(),
      DataPathWatch::Options{.interval = context_.options.heartbeat_interval,
                             .stall_timeout = context_.options.stall_timeout},
      [this](Answer answer) {
        auto parts = std::make_shared<std::vector<DataPathWatch::OldestFlush>>(shards_.size());
        OnEveryShard(
            [parts](BrokerShard& owned) {
              (*parts)[static_cast<size_t>(owned.shard().index())] =
                  owned.partitions().OldestFlush();
            },
            [parts, answer = std::move(answer)]() mutable {
              DataPathWatch::OldestFlush oldest;
              for (const DataPathWatch::OldestFlush& part : *parts) {
                if (part && (!oldest || *part < *oldest)) oldest = part;
              }
              answer(oldest);
            });
      },
      [this](bool moves) {
        if (moves) {
          LogInfo("the disk moves again");
        } else {
          LogError("nothing was flushed for more than {} ms: others are to lead meanwhile",
                   context_.options.stall_timeout / milliseconds(1));
        }
        controller_->SetStalled(!moves);
      });
  data_path_->Start();
}

void BrokerImpl::WatchDisk() {
  if (stopping_) return;
  MeasureDisk();
  shard().ScheduleAfter(kDiskCheckInterval, [this] { WatchDisk(); });
}

void BrokerImpl::MeasureDisk() {
  if (std::exchange(measuring_disk_, true)) return;
  auto space = std::make_shared<absl::StatusOr<DiskSpace>>();
  context_.ports.disk->Submit(
      0, shard(),
      [space, files = context_.ports.files, path = directory_->path()] {
        *space = files->SpaceOf(path);
      },
      [this, space] {
        measuring_disk_ = false;
        OnDiskMeasured(*space);
      });
}

void BrokerImpl::OnDiskMeasured(const absl::StatusOr<DiskSpace>& space) {
  if (!space.ok()) {
    LogWarn("{}", space.status().ToString());
    return;
  }
  switch (disk_space_.OnMeasured(shard().clock().Now(), *space)) {
    case DiskSpaceCore::Change::kNone:
      break;
    case DiskSpaceCore::Change::kLow:
      LogWarn("{}: appends will be refused below it", disk_space_.text());
      break;
    case DiskSpaceCore::Change::kFull:
      LogError("{}: appends of clients are refused until there is room", disk_space_.text());
      break;
    case DiskSpaceCore::Change::kRoomAgain:
      LogInfo("{}: appends of clients are taken again", disk_space_.text());
      break;
  }
  const int64_t allowance = disk_space_.AllowanceOf(static_cast<int64_t>(shards_.size()));
  for (auto& owned : shards_) {
    owned->shard().Post([owned = owned.get(), refusal = disk_space_.refusal(), allowance] {
      owned->OnDiskMeasured(refusal, allowance);
    });
  }
}

void BrokerImpl::CheckpointHighWatermarks() {
  const auto again = [this] {
    checkpoint_timer_ = shard().ScheduleAfter(context_.options.high_watermark_checkpoint_interval,
                                              [this] { CheckpointHighWatermarks(); });
  };
  if (!opened_) return again();
  WriteHighWatermarks([this, again] {
    if (!stopping_) again();
  });
}

void BrokerImpl::WriteHighWatermarks(Task done) {
  using Map = PartitionTable::HighWatermarks;
  auto parts = std::make_shared<std::vector<Map>>(shards_.size());
  OnEveryShard(
      [parts](BrokerShard& owned) {
        (*parts)[static_cast<size_t>(owned.shard().index())] =
            owned.partitions().CurrentHighWatermarks();
      },
      [this, parts, done = std::move(done)]() mutable {
        auto all = std::make_shared<Map>();
        for (Map& part : *parts) all->merge(part);
        auto begun = std::make_shared<absl::Status>();
        // Two that overlap write the same one.
        const int64_t life = life_ + 1;
        context_.ports.disk->Submit(
            0, shard(),
            [all, begun, life, directory = directory_.get(), files = context_.ports.files] {
              absl::Status status = directory->WriteHighWatermarks(*all);
              if (!status.ok()) LogWarn("high watermark checkpoint: {}", status.ToString());
              *begun = WriteLife(*files, directory->path(), life);
            },
            [this, begun, life, done = std::move(done)]() mutable {
              if (begun->ok()) {
                life_ = std::max(life_, life);
                controller_->SetLife(life_);
              }
              done();
            });
      });
}

void BrokerImpl::Replicas(std::vector<ReplicaSnapshot>& replicas) const {
  size_t count = 0;
  for (const auto& owned : shards_) {
    for (const auto& [id, partition] : owned->partitions().partitions()) {
      if (count == replicas.size()) replicas.emplace_back();
      ReplicaSnapshot& out = replicas[count++];
      const ReplicaCore& replica = partition->replica();
      out.topic_id = id.topic_id;
      out.topic = partition->topic();
      out.partition = id.partition;
      out.leader = partition->is_leader();
      out.offline = !partition->log().fatal_error().ok();
      out.leader_epoch = replica.leader_epoch();
      out.partition_epoch = replica.partition_epoch();
      out.isr = replica.isr();
      replica.MaximalIsr(out.maximal_isr);
      out.min_insync_replicas = replica.min_insync_replicas();
      out.log_start_offset = partition->log().log_start_offset();
      out.high_watermark = replica.high_watermark();
      out.log_end_offset = partition->log().log_end_offset();
      out.flushed_offset = partition->log().flushed_offset();
    }
  }
  replicas.resize(count);
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

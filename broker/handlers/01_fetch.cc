// Fetch (1): record batches for consumers and for follower replicas. Served 4-18.
// A fetch that finds less than min_bytes is parked: its doorbell hangs at every partition it asked
// for, and the first one with news makes it read again (no polling). Follower fetches are also the
// acknowledgements of replication: fetch offset and flushed offset move the high watermark (DESIGN:
// replication). v7+ sessions (KIP-227): an incremental request is completed to a full one before it
// is served, and the answer is reduced to what is news. v9+ leader epoch check; v11+ a reader that
// names its rack is sent to a replica there (KIP-392); v12+ truncation detection; v13+ topic ids;
// v15+ replica state; v16+ leader hints.
#include "broker/handlers/leader_hints.h"
#include "broker/server/dispatch.h"
#include "broker/server/peer_broker.h"
#include "broker/server/scatter.h"
#include "protocol/messages/fetch.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using kafka::FetchRequest;
using kafka::FetchResponse;

constexpr int16_t kTopicIdVersion = 13;
constexpr int16_t kReplicaStateVersion = 15;
constexpr int16_t kFollowerFetchVersion = 11;  // KIP-392
constexpr int8_t kReadCommitted = 1;

// Lives on the home shard; doorbells and reads refer to it from owner shards.
class PendingFetch : public std::enable_shared_from_this<PendingFetch> {
 public:
  PendingFetch(RequestPtr request, FetchRequest body)
      : request_(std::move(request)), body_(std::move(body)) {}

  void Run() {
    replica_id_ = request_->version() >= kReplicaStateVersion ? body_.replica_state.replica_id
                                                              : body_.replica_id;
    if (body_.session_epoch <= 0) {
      Resolve();
      if (MoveToOwner()) return;
    }
    FetchSessionCache::Begun begun =
        home().fetch_sessions().Begin(body_, by_id(), home().shard().clock().Now());
    if (begun.error != ErrorCode::NONE) {
      response_.error_code = begun.error;
      request_->Reply(response_);
      return;
    }
    if (body_.session_epoch > 0) Resolve();
    session_ = std::move(begun.session);
    answer_now_ |= items_.empty();
    const bool is_report = is_replica() && body_.max_bytes <= 0;
    if (is_replica() && !is_report) home().ReleaseReplicaFetch(request_->connection()->id());
    max_bytes_ = std::min<int64_t>(body_.max_bytes, home().options().max_fetch_bytes);
    // More than the answer may hold is not worth waiting for.
    min_bytes_ = std::min<int64_t>(body_.min_bytes, std::max<int64_t>(max_bytes_, 1));
    if (body_.max_wait_ms > 0 && min_bytes_ > 0) {
      deadline_ = home().shard().clock().Now() + milliseconds(body_.max_wait_ms);
    }
    Round();
  }

 private:
  struct Item {
    TopicPartition id;
    FetchArgs args;
    int32_t max_bytes = 0;
    size_t topic = 0;
    size_t partition = 0;
  };

  BrokerShard& home() const { return request_->home(); }

  bool MoveToOwner() {
    if (!request_->CanMove()) return false;
    BrokerShard* owner = SoleOwnerElsewhere(home(), ids_);
    if (owner == nullptr) return false;
    request_->MoveTo(*owner, [body = body_](RequestPtr request) mutable {
      std::make_shared<PendingFetch>(std::move(request), std::move(body))->Run();
    });
    return true;
  }

  bool is_replica() const { return replica_id_ >= 0; }
  bool by_id() const { return request_->version() >= kTopicIdVersion; }

  // Whether this comes from nobody in particular, or from a broker as it is registered. A fetch
  // that names no registration at all is refused by the partition.
  bool IsKnownReplica(const controller::MetadataImage& image) const {
    if (!is_replica()) return true;
    const PeerBroker peer{replica_id_, body_.replica_state.replica_epoch};
    if (peer.broker_epoch < 0) return image.FindBroker(replica_id_) != nullptr;
    // Perhaps this image is older than the registration: the follower asks again.
    return peer.IsRegisteredIn(image);
  }

  // What goes to the client of the full answer.
  void ApplySession() {
    const bool incremental = session_ != nullptr;
    if (body_.session_epoch == 0) {
      session_ = home().fetch_sessions().Create(
          body_, by_id(), is_replica(), home().shard().random(), home().shard().clock().Now());
    }
    if (session_ == nullptr) return;
    response_.session_id = session_->id;
    session_->core.Reduce(response_, incremental);
  }

  void Resolve() {
    const controller::MetadataImage& image = *home().image();
    FindNearBrokers();
    const bool known_replica = IsKnownReplica(image);
    for (const auto& topic : body_.topics) {
      auto& topic_response = response_.responses.emplace_back();
      topic_response.topic = topic.topic;
      topic_response.topic_id = topic.topic_id;
      const controller::TopicInfo* info =
          by_id() ? image.FindTopic(topic.topic_id) : image.FindTopic(topic.topic);
      for (const auto& partition : topic.partitions) {
        auto& out = topic_response.partitions.emplace_back();
        out.partition_index = partition.partition;
        out.high_watermark = -1;
        out.records = kafka::Records::Empty();
        ErrorCode error = ErrorCode::NONE;
        if (info == nullptr) {
          error = by_id() ? ErrorCode::UNKNOWN_TOPIC_ID : ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        } else if (partition.partition < 0 ||
                   partition.partition >= static_cast<int32_t>(info->partitions.size())) {
          error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        } else if (!known_replica) {
          error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
        } else if (body_.isolation_level < 0 || body_.isolation_level > kReadCommitted) {
          error = ErrorCode::INVALID_REQUEST;
        }
        if (error != ErrorCode::NONE) {
          out.error_code = error;
          answer_now_ = true;
          continue;
        }
        AddItem({info->id, partition.partition}, partition, topic_response.partitions.size() - 1);
      }
    }
  }

  // KIP-392. A leader in the reader's rack serves it itself.
  void FindNearBrokers() {
    if (!home().options().rack_aware_reads || is_replica() || body_.rack_id.empty()) return;
    const auto& own = home().options().rack;
    if (own && *own == body_.rack_id) return;
    for (const auto& [id, broker] : home().image()->brokers) {
      if (broker.usable() && broker.rack && *broker.rack == body_.rack_id) {
        near_brokers_.push_back(id);
      }
    }
  }

  void AddItem(const TopicPartition& id, const FetchRequest::FetchPartition& partition,
               size_t position) {
    Item item;
    item.id = id;
    item.max_bytes = partition.partition_max_bytes;
    item.topic = response_.responses.size() - 1;
    item.partition = position;
    item.args.fetch_offset = partition.fetch_offset;
    item.args.current_leader_epoch = partition.current_leader_epoch;
    item.args.last_fetched_epoch = partition.last_fetched_epoch;
    item.args.read_committed = body_.isolation_level == kReadCommitted;
    item.args.leader_only = request_->version() < kFollowerFetchVersion;
    item.args.replica_id = replica_id_;
    item.args.replica_epoch = body_.replica_state.replica_epoch;
    item.args.flushed_offset = partition.flushed_offset;
    item.args.log_start_offset = partition.log_start_offset;
    if (is_replica()) item.args.known_high_watermark = partition.high_watermark;
    if (!near_brokers_.empty()) item.args.near_brokers = &near_brokers_;
    ids_.push_back(id);
    items_.push_back(std::move(item));
  }

  // Reads everything once; parks when that is too little and there is time left.
  void Round() {
    reading_ = true;
    read_again_ = false;
    const bool may_park = deadline_ && !released_ && home().shard().clock().Now() < *deadline_;
    if (doorbell_ != nullptr) doorbell_->Cancel();
    doorbell_ = nullptr;
    if (may_park) {
      doorbell_ =
          std::make_shared<FetchDoorbell>([weak = weak_from_this(), shard = &home().shard()] {
            shard->Post([weak] {
              if (auto self = weak.lock()) self->OnRing();
            });
          });
    }
    ScatterToOwners<FetchOutcome>(
        home(), ids_,
        [self = shared_from_this(), doorbell = doorbell_](BrokerShard& owner,
                                                          const std::vector<size_t>& indexes,
                                                          std::vector<FetchOutcome>& results) {
          self->ReadOn(owner, indexes, doorbell, results);
        },
        [self = shared_from_this()](std::vector<FetchOutcome> results) {
          self->OnRead(std::move(results));
        });
  }

  // Owner shard. Reads only what is constant in this object.
  void ReadOn(BrokerShard& owner, const std::vector<size_t>& indexes,
              const std::shared_ptr<FetchDoorbell>& doorbell,
              std::vector<FetchOutcome>& results) const {
    bool any_data = is_replica() && body_.max_bytes <= 0;  // a report wants none
    int64_t bytes = 0;
    for (size_t index : indexes) {
      FetchArgs args = items_[index].args;
      args.max_bytes = std::min<int64_t>(items_[index].max_bytes, max_bytes_ - bytes);
      // A follower must get on with every partition, also where a batch is larger than
      // replica.fetch.max.bytes.
      args.at_least_one_batch = !any_data || (is_replica() && bytes < max_bytes_);
      Partition* partition = owner.partitions().Find(items_[index].id);
      FetchOutcome& outcome = results.emplace_back();
      if (partition == nullptr) {
        outcome.error = AbsenceError(owner, items_[index].id);
        continue;
      }
      outcome = partition->Read(args);
      bytes += outcome.records.length;
      any_data = any_data || outcome.records.length > 0;
    }
    if (doorbell == nullptr || bytes >= min_bytes_) return;
    for (size_t index : indexes) {
      Partition* partition = owner.partitions().Find(items_[index].id);
      if (partition != nullptr) partition->AddFetchWaiter(doorbell, items_[index].args);
    }
  }

  // Home shard from here on.
  void OnRead(std::vector<FetchOutcome> results) {
    reading_ = false;
    int64_t bytes = 0;
    bool now = answer_now_;
    for (size_t i = 0; i < results.size(); ++i) {
      const FetchOutcome& outcome = results[i];
      bytes += outcome.records.length;
      // A follower shall hear at once where its leader's log begins: DeleteRecords waits for it.
      now = now || outcome.preferred_read_replica >= 0 ||
            outcome.high_watermark > items_[i].args.known_high_watermark;
      now = now || (is_replica() && outcome.log_start_offset > items_[i].args.log_start_offset);
      now = now || outcome.error != ErrorCode::NONE || outcome.diverging.has_value();
    }
    if (now || bytes >= min_bytes_ || doorbell_ == nullptr || released_) {
      return Finish(std::move(results));
    }
    if (read_again_) return Round();
    if (timer_ == 0) Park();
  }

  void Park() {
    if (request_->connection()->closed()) return Abandon();
    request_->connection()->WhenClosed(request_->slot(), [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->OnRing();
    });
    timer_ = home().shard().ScheduleAt(*deadline_, [self = shared_from_this()] {
      self->timer_ = 0;
      self->deadline_.reset();
      self->OnRing();
    });
    if (is_replica()) {
      home().ParkReplicaFetch(request_->connection()->id(), [weak = weak_from_this()] {
        auto self = weak.lock();
        if (self == nullptr || self->finished_) return;
        self->released_ = true;
        self->OnRing();
      });
    }
  }

  void OnRing() {
    if (finished_) return;
    if (reading_) {
      read_again_ = true;
      return;
    }
    if (request_->connection()->closed()) return Abandon();
    Round();
  }

  void Abandon() {
    finished_ = true;
    if (doorbell_ != nullptr) doorbell_->Cancel();
    home().shard().CancelTimer(timer_);
    request_->NoReply();
  }

  // Every owner shard kept to max_bytes; together they may have more. A client may refuse an answer
  // that is larger than it asked for, except for the one batch that makes progress.
  void CutToMaxBytes(std::vector<FetchOutcome>& results) const {
    int64_t bytes = 0;
    for (FetchOutcome& outcome : results) {
      if (bytes > 0 && bytes + outcome.records.length > max_bytes_) outcome.records = {};
      bytes += outcome.records.length;
    }
  }

  void Finish(std::vector<FetchOutcome> results) {
    finished_ = true;
    if (doorbell_ != nullptr) doorbell_->Cancel();
    home().shard().CancelTimer(timer_);
    CutToMaxBytes(results);
    for (size_t i = 0; i < items_.size(); ++i) {
      const Item& item = items_[i];
      FetchOutcome& outcome = results[i];
      auto& out = response_.responses[item.topic].partitions[item.partition];
      out.error_code = outcome.error;
      if (!item.args.read_committed) out.aborted_transactions = std::nullopt;
      // Whoever asked for deleted records learns where the log begins now.
      out.log_start_offset = outcome.log_start_offset;
      // A follower needs these to go on, also where its offset does not exist.
      if (outcome.error == ErrorCode::NONE || is_replica()) {
        out.high_watermark = outcome.high_watermark;
        out.last_stable_offset = outcome.last_stable_offset;
      }
      out.preferred_read_replica = outcome.preferred_read_replica;
      if (outcome.diverging) {
        out.diverging_epoch.epoch = outcome.diverging->leader_epoch;
        out.diverging_epoch.end_offset = outcome.diverging->end_offset;
      }
      if (outcome.records.length > 0) {
        BufferChain chain;
        chain.Append(std::move(outcome.records));
        out.records = kafka::Records(std::move(chain));
      }
      if (WantsLeaderHint(outcome.error)) AddLeaderHint(*home().image(), item.id, response_, out);
    }
    ApplySession();
    request_->Reply(response_);
  }

  const RequestPtr request_;
  FetchRequest body_;                      // constant once it is read
  std::shared_ptr<FetchSession> session_;  // of an incremental request
  FetchResponse response_;
  int32_t replica_id_ = -1;
  int64_t max_bytes_ = 0;
  int64_t min_bytes_ = 0;
  std::vector<TopicPartition> ids_;
  std::vector<Item> items_;
  std::vector<int32_t> near_brokers_;
  std::optional<MonotonicTime> deadline_;
  std::shared_ptr<FetchDoorbell> doorbell_;
  bool answer_now_ = false;  // something cannot be served: the client must hear it at once
  bool reading_ = false;
  bool read_again_ = false;  // rung while reading
  bool released_ = false;    // a later fetch of this follower is here
  bool finished_ = false;
  TimerId timer_ = 0;
};

void Handle(RequestPtr request) {
  auto body = request->Decode<FetchRequest>();
  if (!body) return;
  std::make_shared<PendingFetch>(std::move(request), std::move(*body))->Run();
}

}  // namespace

extern const HandlerEntry kFetchHandler;
const HandlerEntry kFetchHandler{
    .api_key = FetchRequest::kApiKey, .min_version = 4, .max_version = 18, .handle = Handle};

}  // namespace soliton::broker

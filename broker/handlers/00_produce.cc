// Produce (0): appends one batch per partition. Served 3-13; 0-2 are advertised only (librdkafka
// looks for them to enable compression) and refused when used, as Apache Kafka does since 4.0.
//   acks 0   no response; any error closes the connection, so that the client refreshes its
//   metadata acks 1   answered after the leader's append acks -1  answered when the high watermark
//   passes the batch: on disk on every in-sync replica
// A retriable refusal of an idempotent producer's batch is remembered for a while
// (RefusedSequences). v7+ zstd allowed; v8+ record errors; v10+ leader hints (KIP-951); v13 topic
// ids.
// Older clients than those of v10 that come to who led a partition before get no refusal: their
// batches go on to the new leader (ProduceRelay), and when this broker leads nothing any more their
// connection closes in a moment when nothing is in doubt, upon which they look for the new leaders.
#include "absl/container/inlined_vector.h"
#include "broker/handlers/leader_hints.h"
#include "broker/server/dispatch.h"
#include "broker/server/scatter.h"
#include "protocol/messages/produce.h"
#include "protocol/record/record_batch.h"
#include "runtime/base/recycling_allocator.h"

namespace soliton::broker {
namespace {

using kafka::ErrorCode;
using kafka::ProduceRequest;
using kafka::ProduceResponse;
using PartitionResponse = ProduceResponse::PartitionProduceResponse;

constexpr int16_t kFirstZstdVersion = 7;
constexpr int16_t kLeaderHintVersion = 10;
constexpr int16_t kTopicIdVersion = 13;

// The request while its partitions are being appended and replicated. Lives on the home shard.
class PendingProduce final : public TimedRequest,
                             public std::enable_shared_from_this<PendingProduce> {
 public:
  explicit PendingProduce(RequestPtr request) : request_(std::move(request)) {}

  // False: the connection was closed.
  bool Decode() { return request_->DecodeInto(body_); }

  void Run() {
    Resolve();
    missing_ = items_.size();
    if (missing_ == 0) return Finish();
    if (MoveToOwner()) return;
    // Items hold their records until they are appended; those that are refused go with the request.
    for (Item& item : items_) {
      auto& partition = body_.topic_data[item.topic].partition_data[item.partition];
      item.records = partition.records.TakeBuffer();
      item.request = this;
      item.acks = body_.acks;
      if (request_->version() < kLeaderHintVersion && body_.acks != 0) item.kept = item.records;
    }
    std::map<int, std::vector<Item*>> elsewhere;
    for (Item& item : items_) {
      BrokerShard& owner = home().context().OwnerOf(item.id);
      item.owner = &owner;
      if (&owner == &home()) {
        Append(owner, item);
      } else {
        elsewhere[owner.shard().index()].push_back(&item);
      }
    }
    for (auto& [shard_index, owned] : elsewhere) {
      BrokerShard& owner = *home().context().shards[static_cast<size_t>(shard_index)];
      // What happens there is not heard of before it is done.
      StartTimer();
      owner.shard().Post([self = shared_from_this(), &owner, items = std::move(owned)] {
        for (Item* item : items) self->Append(owner, *item);
      });
    }
  }

 private:
  struct Item final : PendingAppend {
    PendingProduce* request = nullptr;
    BrokerShard* owner = nullptr;  // of the partition
    size_t topic = 0;              // where the answer goes
    size_t partition = 0;
    BatchSequence sequence;
    bool was_unknown = false;  // an earlier batch met a broker that did not know the topic
    Buffer kept;               // for the relay
    bool relayed = false;      // owner shard
    bool answered = false;     // home shard

    void Waits() override { request->OnWaits(*this); }
    void Finished() override { request->Deliver(*this); }
  };

  BrokerShard& home() const { return request_->home(); }
  bool IsHere(const Item& item) const { return item.owner == &home(); }

  void StartTimer() {
    if (body_.acks != -1 || timeout_.taken()) return;
    timeout_ = home().request_timeouts().Enter(milliseconds(std::max(body_.timeout_ms, 0)),
                                               shared_from_this());
  }

  bool MoveToOwner() {
    if (!request_->CanMove()) return false;
    std::vector<TopicPartition> ids;
    for (const Item& item : items_) {
      if (item.was_unknown) return false;  // only this shard knows that
      ids.push_back(item.id);
    }
    BrokerShard* owner = SoleOwnerElsewhere(home(), ids);
    if (owner == nullptr) return false;
    request_->MoveTo(*owner, [body = std::move(body_)](RequestPtr request) mutable {
      auto moved = MakeRecycled<PendingProduce>(std::move(request));
      moved->body_ = std::move(body);
      moved->Run();
    });
    return true;
  }

  PartitionResponse& ResponseOf(const Item& item) {
    return response_.responses[item.topic].partition_responses[item.partition];
  }

  // Lays out the response and finds the partitions; what cannot be served at all is answered here.
  void Resolve() {
    const controller::MetadataImage& image = *home().image();
    size_t partitions = 0;
    for (const auto& topic : body_.topic_data) partitions += topic.partition_data.size();
    items_.reserve(partitions);
    response_.responses.reserve(body_.topic_data.size());
    for (auto& topic : body_.topic_data) {
      auto& topic_response = response_.responses.emplace_back();
      topic_response.name = topic.name;
      topic_response.topic_id = topic.topic_id;
      const bool by_id = request_->version() >= kTopicIdVersion;
      const controller::TopicInfo* info =
          by_id ? image.FindTopic(topic.topic_id) : image.FindTopic(topic.name);
      topic_response.partition_responses.reserve(topic.partition_data.size());
      for (auto& partition : topic.partition_data) {
        auto& out = topic_response.partition_responses.emplace_back();
        out.index = partition.index;
        out.base_offset = -1;
        const BatchSequence sequence = SequenceOf(partition);
        out.error_code = Precheck(info, by_id, partition, out);
        if (out.error_code != ErrorCode::NONE) {
          failed_ = true;
          NoteRefusal(home(), by_id ? topic.topic_id.ToString() : topic.name, partition.index,
                      sequence, out.error_code);
          continue;
        }
        Item& item = items_.emplace_back();
        item.id = {info->id, partition.index};
        item.topic = response_.responses.size() - 1;
        item.partition = topic_response.partition_responses.size() - 1;
        item.sequence = sequence;
        if (!home().refused_sequences().empty()) {
          const std::string topic_key = by_id ? topic.topic_id.ToString() : topic.name;
          item.was_unknown = home().refused_sequences().IsMissingBefore(
              topic_key, partition.index, sequence, home().shard().clock().Now());
          if (!item.was_unknown) {
            home().refused_sequences().Forget(topic_key, partition.index, sequence);
          }
        }
      }
    }
  }

  ErrorCode Precheck(const controller::TopicInfo* topic, bool by_id,
                     const ProduceRequest::PartitionProduceData& partition,
                     PartitionResponse& out) const {
    if (body_.acks < -1 || body_.acks > 1) return ErrorCode::INVALID_REQUIRED_ACKS;
    if (topic == nullptr) {
      return by_id ? ErrorCode::UNKNOWN_TOPIC_ID : ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (partition.index < 0 || partition.index >= static_cast<int32_t>(topic->partitions.size())) {
      return ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (partition.records.is_null() || partition.records.size_bytes() == 0) {
      out.error_message = "the request holds no record batch for this partition";
      return ErrorCode::INVALID_RECORD;
    }
    return CheckBatchHeader(partition.records.buffer(), out);
  }

  // nullopt when the bytes hold no whole batch of this format, which the log will refuse.
  static std::optional<kafka::RecordBatchHeader> HeaderOf(const Buffer& records) {
    if (records.size() < kafka::kBatchHeaderBytes) return std::nullopt;
    const kafka::RecordBatchHeader header(records.data());
    const bool whole = header.size_bytes() <= static_cast<int64_t>(records.size());
    if (header.magic() != kafka::kBatchMagic || !whole) return std::nullopt;
    return header;
  }

  static BatchSequence SequenceOf(const ProduceRequest::PartitionProduceData& partition) {
    if (partition.records.is_null()) return {};
    const auto batch = HeaderOf(partition.records.buffer());
    if (!batch) return {};
    return {batch->producer_id(), batch->producer_epoch(), batch->base_sequence()};
  }

  static void NoteRefusal(BrokerShard& shard, std::string_view topic, int32_t partition,
                          const BatchSequence& sequence, ErrorCode error) {
    if (sequence.producer_id < 0 || !kafka::IsRetriable(error)) return;
    shard.refused_sequences().Note(topic, partition, sequence, shard.shard().clock().Now());
  }

  // What of a batch depends on the request around it. Anything else about it is the log's to judge.
  ErrorCode CheckBatchHeader(const Buffer& records, PartitionResponse& out) const {
    const auto batch = HeaderOf(records);
    if (!batch) return ErrorCode::NONE;
    if (request_->version() < kFirstZstdVersion && batch->codec() == kafka::Codec::kZstd) {
      return ErrorCode::UNSUPPORTED_COMPRESSION_TYPE;
    }
    if (batch->is_transactional() && !batch->is_control()) {
      // No transaction can have been begun: nothing would ever end it.
      out.error_message = "transactions are not available yet";
      return body_.transactional_id ? ErrorCode::INVALID_TXN_STATE
                                    : ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    }
    return ErrorCode::NONE;
  }

  // Owner shard.
  void Append(BrokerShard& owner, Item& item) {
    if (const auto& refusal = owner.append_refusal()) {
      item.outcome.error = refusal->ErrorAt(owner.shard().clock().Now());
      item.outcome.error_message = refusal->message;
      return item.Finished();
    }
    if (FollowsRefused(owner, item)) {
      const Partition* partition = owner.partitions().Find(item.id);
      if (partition == nullptr) {
        // Settled now: were its log opened later in this turn, the batch would be written.
        item.outcome.error = owner.partitions().AbsenceError(item.id);
        return item.Finished();
      }
      if (!partition->KnowsProducer(item.sequence.producer_id)) {
        item.outcome.error = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
        item.outcome.error_message = fmt::format(
            "a batch of producer {} before sequence {} was turned away and has not been sent again",
            item.sequence.producer_id, item.sequence.first_sequence);
        return item.Finished();
      }
    }
    // It has come again, and what follows may be in the same turn. If it is refused again that is
    // noted again.
    if (!owner.refused_sequences().empty()) {
      owner.refused_sequences().Forget(item.id.topic_id.ToString(), item.id.partition,
                                       item.sequence);
    }
    owner.CountAppended(static_cast<int64_t>(item.records.size()));
    owner.append_turn().Add(std::shared_ptr<PendingAppend>(shared_from_this(), &item));
  }

  // Owner shard. A log that knows the producer judges by itself nevertheless.
  bool FollowsRefused(BrokerShard& owner, const Item& item) const {
    if (item.was_unknown || owner.refused_sequences().empty()) return item.was_unknown;
    return owner.refused_sequences().IsMissingBefore(item.id.topic_id.ToString(), item.id.partition,
                                                     item.sequence, owner.shard().clock().Now());
  }

  // Owner shard. Most requests are done by the end of their turn and need no timer.
  void OnWaits(const Item& item) {
    if (IsHere(item)) StartTimer();
  }

  // Owner shard. What was appended here may be there already: only of an idempotent producer's
  // batch the new leader can tell.
  bool MayRelay(BrokerShard& owner, const Item& item) const {
    const bool appended = item.outcome.base_offset >= 0;
    return item.outcome.error == ErrorCode::NOT_LEADER_OR_FOLLOWER && !item.relayed &&
           !item.kept.empty() && (!appended || item.sequence.producer_id >= 0) &&
           owner.MayRelay(item.id);
  }

  void Relay(BrokerShard& owner, Item& item) {
    item.relayed = true;
    OnWaits(item);
    owner.produce_relay().Add(item.id,
                              {.acks = item.acks,
                               .records = std::exchange(item.kept, {}),
                               .commit_timeout = milliseconds(std::max(body_.timeout_ms, 0)),
                               .perhaps_written = item.outcome.base_offset >= 0,
                               .done = [self = shared_from_this(), &item](ProduceOutcome outcome) {
                                 item.outcome = std::move(outcome);
                                 self->Deliver(item);
                               }});
  }

  // Owner shard: the result goes home.
  void Deliver(Item& item) {
    BrokerShard& owner = *item.owner;
    if (MayRelay(owner, item)) return Relay(owner, item);
    item.kept = {};
    if (item.outcome.error != ErrorCode::NONE) {
      NoteRefusal(owner, item.id.topic_id.ToString(), item.id.partition, item.sequence,
                  item.outcome.error);
    }
    if (&owner == &home()) return OnOutcome(item, std::move(item.outcome));
    home().shard().Post(
        [self = shared_from_this(), &item] { self->OnOutcome(item, std::move(item.outcome)); });
  }

  // Home shard from here on.
  void OnOutcome(Item& item, ProduceOutcome outcome) {
    if (item.answered) return;
    item.answered = true;
    relayed_ |= item.relayed;
    PartitionResponse& out = ResponseOf(item);
    out.error_code = outcome.error;
    out.log_start_offset = outcome.log_start_offset;
    if (outcome.error == ErrorCode::NONE) {
      out.base_offset = outcome.base_offset;
      out.log_append_time_ms = outcome.log_append_time_ms;
    } else {
      failed_ = true;
      if (!outcome.error_message.empty()) out.error_message = std::move(outcome.error_message);
      for (auto& record : outcome.record_errors) {
        auto& error = out.record_errors.emplace_back();
        error.batch_index = record.batch_index;
        error.batch_index_error_message = record.message;
      }
      if (WantsLeaderHint(outcome.error)) AddLeaderHint(*home().image(), item.id, response_, out);
    }
    if (--missing_ == 0) Finish();
  }

  void OnTimeout() override {
    timeout_ = {};
    for (Item& item : items_) {
      if (item.answered) continue;
      ProduceOutcome outcome;
      outcome.error = ErrorCode::REQUEST_TIMED_OUT;
      outcome.error_message = "appended by the leader, but not replicated in time";
      OnOutcome(item, std::move(outcome));
    }
  }

  void Finish() {
    home().request_timeouts().Leave(timeout_);
    if (relayed_ && home().LeadsNothing()) request_->connection()->CloseWhenQuiet();
    if (body_.acks != 0) {
      request_->Reply(response_);
    } else if (failed_) {
      request_->Refuse("a produce request with acks=0 failed");
    } else {
      request_->NoReply();
    }
  }

  const RequestPtr request_;
  ProduceRequest body_;
  ProduceResponse response_;
  absl::InlinedVector<Item, 1> items_;
  size_t missing_ = 0;
  bool failed_ = false;
  bool relayed_ = false;  // something of it
  RequestTimeouts::Place timeout_;
};

void Handle(RequestPtr request) {
  const auto pending = MakeRecycled<PendingProduce>(std::move(request));
  if (pending->Decode()) pending->Run();
}

}  // namespace

extern const HandlerEntry kProduceHandler;
const HandlerEntry kProduceHandler{.api_key = ProduceRequest::kApiKey,
                                   .min_version = 3,
                                   .max_version = 13,
                                   .handle = Handle,
                                   .advertised_min_version = 0};

}  // namespace soliton::broker

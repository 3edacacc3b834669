#include "tests/sim/client_process.h"

#include "runtime/base/check.h"
#include "tests/sim/payload.h"

namespace soliton::sim {
namespace {

constexpr Duration kLookupInterval = milliseconds(100);
constexpr Duration kLookupPatience = seconds(1);
// Every other client is an old one, which brokers help to the new leader (KIP-951 is unknown to
// it).
constexpr int16_t kOldProduceVersion = 9;

// What the producer says about a record that failed for sure.
constexpr std::string_view kNotWritten = "the records were not written";

// Plain producers: acks=all, 1 and 0 in turn.
int16_t AcksOf(const ClusterPlan& plan, int index) {
  if (index >= plan.plain_clients) return -1;
  return static_cast<int16_t>(index % 3 == 0 ? -1 : index % 3 == 1 ? 1 : 0);
}

ClientHistory::Promise PromiseOf(const ClusterPlan& plan, int index) {
  if (index >= plan.plain_clients) return ClientHistory::Promise::kExactlyOnce;
  return AcksOf(plan, index) == -1 ? ClientHistory::Promise::kKept
                                   : ClientHistory::Promise::kNothing;
}

}  // namespace

ClientProcess::ClientProcess(Workload& workload, SimNode& node, int index)
    : workload_(workload),
      history_(workload.history()),
      ports_(node.ports()),
      shard_(ports_.shards->shard(0)),
      index_(index),
      producer_number_(history_.NextProducer(PromiseOf(workload.plan(), index))),
      consumer_name_(fmt::format("consumer-{}", producer_number_)) {
  node.Post([this] { Start(); });
}

ClientProcess::~ClientProcess() { history_.OnProducerGone(producer_number_); }

void ClientProcess::Start() {
  const ClusterPlan& plan = workload_.plan();
  producer::ProducerOptions options;
  options.cluster.bootstrap = workload_.cluster().BootstrapServers();
  options.acks = AcksOf(plan, index_);
  options.idempotence = index_ >= plan.plain_clients;
  options.max_in_flight = plan.max_in_flight;
  options.accumulator.batch_bytes = plan.batch_bytes;
  options.accumulator.linger = plan.linger;
  options.accumulator.buffer_bytes = plan.buffer_bytes;
  options.accumulator.codec = plan.codec;
  options.request_timeout = plan.request_timeout;
  options.delivery_timeout = plan.delivery_timeout;
  if (index_ % 2 == 1) options.max_produce_version = kOldProduceVersion;
  auto producer = producer::Producer::Create(ports_, shard_, options);
  CHECK(producer.ok(), "{}", producer.status().ToString());
  producer_ = *std::move(producer);

  consumer::ConsumerOptions reading;
  reading.cluster.bootstrap = workload_.cluster().BootstrapServers();
  reading.fetch.partition_max_bytes = plan.consumer_fetch_bytes;
  reading.fetch.max_wait = plan.consumer_fetch_wait;
  if (plan.follower_reads) {
    reading.fetch.rack = workload_.cluster().RackOf(1 + index_ % plan.brokers);
    reading.fetch.preferred_replica_lease = plan.preferred_replica_lease;
  }
  const bool deletes = plan.MayDelete();
  reading.fetch.reset_policy =
      deletes ? consumer::ResetPolicy::kEarliest : consumer::ResetPolicy::kNone;
  reading.lookup_timeout = seconds(600);
  auto consumer = consumer::Consumer::Create(ports_, shard_, reading);
  CHECK(consumer.ok(), "{}", consumer.status().ToString());
  consumer_ = *std::move(consumer);
  consumer_->OnReady([this] { OnReady(); });
  consumer_->OnEvent([this, deletes](const consumer::ConsumerEvent& event) {
    if (deletes && event.kind == consumer::FetchEvent::Kind::kReset) {
      return history_.OnReset(consumer_name_, {event.from.topic, event.from.partition});
    }
    workload_.world().Fail(
        "8: what was read stays",
        absl::DataLossError(fmt::format("{} of {}-{} at {}: event {}, {}", consumer_name_,
                                        event.from.topic, event.from.partition, event.offset,
                                        static_cast<int>(event.kind), event.status.ToString())));
  });
  AssignAll();
  SendRound();
  LookUpEnds();
}

void ClientProcess::AssignAll() {
  std::vector<std::pair<consumer::TopicPartition, consumer::StartPosition>> assignment;
  for (const PartitionName& partition : workload_.partitions()) {
    const consumer::TopicPartition name{partition.topic, partition.partition};
    const auto position = consumer_->Position(name);
    assignment.emplace_back(name, position ? consumer::StartPosition::Offset(*position)
                                           : consumer::StartPosition::Earliest());
  }
  assigned_ = assignment.size();
  consumer_->Assign(assignment);
}

void ClientProcess::SendRound() {
  if (assigned_ != workload_.partitions().size()) AssignAll();
  if (workload_.sending()) {
    for (const PartitionName& partition : workload_.partitions()) SendTo(partition);
  } else if (!flushing_) {
    flushing_ = true;
    producer_->Flush([] {});
  }
  const int64_t mean_ns = workload_.send_interval().count();
  shard_.ScheduleAfter(Duration(shard_.random().Between(mean_ns / 2, mean_ns * 3 / 2)),
                       [this] { SendRound(); });
}

void ClientProcess::LookUpEnds() {
  const std::vector<PartitionName>& all = workload_.partitions();
  const PartitionName partition = all[shard_.random().Below(all.size())];
  consumer_->offsets().Find({partition.topic, partition.partition}, consumer::kLatestTimestamp,
                            kLookupPatience,
                            [this, partition](const absl::StatusOr<consumer::FoundOffset>& found) {
                              if (found.ok())
                                history_.OnEndOffset(consumer_name_, partition, found->offset);
                              shard_.ScheduleAfter(kLookupInterval, [this] { LookUpEnds(); });
                            });
}

void ClientProcess::SendTo(const PartitionName& partition) {
  const RecordName name{producer_number_, next_number_[partition]};
  producer::ProducerRecord record;
  record.topic = partition.topic;
  record.partition = partition.partition;
  record.value =
      MakePayload(partition, name,
                  shard_.random().Below(static_cast<uint64_t>(workload_.plan().record_bytes_max)));
  const absl::Status accepted = producer_->Send(
      std::move(record),
      [this, partition, name](const absl::StatusOr<producer::RecordMetadata>& answer) {
        OnAnswer(partition, name, answer);
      });
  if (absl::IsResourceExhausted(accepted)) return;  // open loop: the record is never sent
  CHECK(accepted.ok(), "{}", accepted.ToString());
  ++next_number_[partition];
  history_.OnSent(partition, name);
}

void ClientProcess::OnAnswer(const PartitionName& partition, const RecordName& name,
                             const absl::StatusOr<producer::RecordMetadata>& answer) {
  if (answer.ok()) return history_.OnAcked(partition, name, answer->offset);
  if (std::string(answer.status().message()).ends_with(kNotWritten)) {
    history_.OnNotWritten(partition, name);
  }
  // A broker whose clock is far behind refuses what seems to come from the future, and a batch may
  // be larger than the topic takes now.
  const bool may_refuse = workload_.plan().BrokerClocksStep() || workload_.plan().admin_storm;
  const bool refused = may_refuse && absl::IsInvalidArgument(answer.status());
  if (absl::IsDeadlineExceeded(answer.status()) || refused) gave_up_.insert(partition);
  if (refused) return history_.OnFailed(partition, name);
  if (gave_up_.contains(partition) &&
      (absl::IsDeadlineExceeded(answer.status()) || absl::IsAborted(answer.status()))) {
    return history_.OnFailed(partition, name);
  }
  workload_.world().Fail("28: honest errors", absl::InternalError(fmt::format(
                                                  "{}: {} failed: {}", partition.ToString(),
                                                  name.ToString(), answer.status().ToString())));
}

void ClientProcess::OnReady() {
  for (;;) {
    const std::vector<consumer::RecordSet> sets = consumer_->Poll(64);
    if (sets.empty()) break;
    for (const consumer::RecordSet& set : sets) {
      const PartitionName partition{set.from.topic, set.from.partition};
      for (const consumer::ConsumedRecord& record : set.records) {
        history_.OnRead(consumer_name_, partition, record.offset, record.value.value_or(""));
      }
    }
  }
  for (const PartitionName& partition : workload_.partitions()) {
    const auto offset = consumer_->HighWatermark({partition.topic, partition.partition});
    if (offset) history_.OnHighWatermark(consumer_name_, partition, *offset);
  }
}

}  // namespace soliton::sim

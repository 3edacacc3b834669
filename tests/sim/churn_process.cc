#include "tests/sim/churn_process.h"

#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "runtime/base/check.h"
#include "tests/sim/payload.h"
#include "tests/sim/workload.h"

namespace soliton::sim {
namespace {

constexpr int kRecords = 8;
constexpr Duration kPatience = milliseconds(1500);
constexpr Duration kRetry = milliseconds(50);

}  // namespace

ChurnProcess::ChurnProcess(Workload& workload, ChurnHistory& history, SimNode& node)
    : workload_(workload),
      history_(history),
      ports_(node.ports()),
      shard_(ports_.shards->shard(0)) {
  node.Post([this] { Create(); });
}

PartitionName ChurnProcess::NameIn(int64_t generation) {
  return {fmt::format("{}.{}", kTopic, generation), 0};
}

void ChurnProcess::Again(void (ChurnProcess::*step)(), Duration after) {
  shard_.ScheduleAfter(after, [this, step, round = ++round_] {
    if (round == round_) (this->*step)();
  });
}

kafka::ClientChannel& ChurnProcess::NewChannel() {
  const std::vector<Endpoint> brokers = workload_.cluster().BootstrapServers();
  channel_ = std::make_unique<kafka::ClientChannel>(
      shard_, *ports_.transport, brokers[shard_.random().Below(brokers.size())],
      kafka::ChannelOptions{.connect_timeout = milliseconds(500)});
  return *channel_;
}

void ChurnProcess::Create() {
  producer_.reset();
  consumer_.reset();
  if (!workload_.sending()) return;
  kafka::CreateTopicsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = kTopic;
  topic.num_partitions = 1;
  topic.replication_factor = static_cast<int16_t>(workload_.plan().brokers);
  auto& config = topic.configs.emplace_back();
  config.name = "min.insync.replicas";
  config.value = fmt::format("{}", workload_.plan().min_insync_replicas);
  request.timeout_ms = 1000;
  NewChannel().Send(
      std::move(request), kPatience, [this](absl::StatusOr<kafka::CreateTopicsResponse> answer) {
        using kafka::ErrorCode;
        const ErrorCode error = answer.ok() && answer->topics.size() == 1
                                    ? answer->topics[0].error_code
                                    : ErrorCode::REQUEST_TIMED_OUT;
        if (error == ErrorCode::NONE) ++history_.topics_made;
        // It may be there from a request whose answer was lost, or from an earlier process.
        const bool exists = error == ErrorCode::NONE || error == ErrorCode::TOPIC_ALREADY_EXISTS;
        Again(exists ? &ChurnProcess::Write : &ChurnProcess::Create,
              exists ? milliseconds(1) : kRetry);
      });
}

void ChurnProcess::Write() {
  producer::ProducerOptions options;
  options.cluster.bootstrap = workload_.cluster().BootstrapServers();
  options.request_timeout = milliseconds(800);
  options.delivery_timeout = kPatience;
  options.metadata_timeout = kPatience;
  auto producer = producer::Producer::Create(ports_, shard_, options);
  CHECK(producer.ok(), "{}", producer.status().ToString());
  producer_ = *std::move(producer);
  unanswered_ = kRecords;
  highest_acked_ = -1;
  const int64_t generation = ++history_.generation;
  for (int64_t number = 0; number < kRecords; ++number) {
    producer::ProducerRecord record;
    record.topic = kTopic;
    record.partition = 0;
    record.value = MakePayload(NameIn(generation), {0, number}, 60);
    const absl::Status accepted = producer_->Send(
        std::move(record),
        [this, generation, number](const absl::StatusOr<producer::RecordMetadata>& answer) {
          if (answer.ok()) {
            history_.acked.emplace(generation, number);
            highest_acked_ = std::max(highest_acked_, answer->offset);
          }
          if (--unanswered_ == 0) Again(&ChurnProcess::ReadBack, milliseconds(1));
        });
    CHECK(accepted.ok(), "{}", accepted.ToString());
  }
}

void ChurnProcess::ReadBack() {
  if (highest_acked_ < 0) return Again(&ChurnProcess::Delete, milliseconds(1));
  consumer::ConsumerOptions options;
  options.cluster.bootstrap = workload_.cluster().BootstrapServers();
  options.fetch.max_wait = milliseconds(50);
  options.fetch.reset_policy = consumer::ResetPolicy::kNone;
  options.lookup_timeout = kPatience;
  auto consumer = consumer::Consumer::Create(ports_, shard_, options);
  CHECK(consumer.ok(), "{}", consumer.status().ToString());
  consumer_ = *std::move(consumer);
  consumer_->OnReady([this] { OnRecords(); });
  consumer_->Assign({{{kTopic, 0}, consumer::StartPosition::Earliest()}});
  // Under faults it may not get to the end in time; the next one will.
  Again(&ChurnProcess::Delete, kPatience);
}

void ChurnProcess::OnRecords() {
  int64_t last = -1;
  for (const consumer::RecordSet& set : consumer_->Poll(64)) {
    for (const consumer::ConsumedRecord& record : set.records) {
      Judge(record.offset, record.value.value_or(""));
      last = record.offset;
    }
  }
  if (last >= highest_acked_) Again(&ChurnProcess::Delete, milliseconds(1));
}

void ChurnProcess::Judge(int64_t offset, std::string_view value) {
  ++history_.read_back;
  for (int64_t generation = history_.generation; generation > 0; --generation) {
    const auto name = ParsePayload(NameIn(generation), value);
    if (!name.ok()) continue;
    // Written by an earlier process to what is still the same topic, or left undecided then.
    if (generation == history_.generation || !history_.deleted.contains(generation)) return;
    if (!history_.acked.contains({generation, name->number})) return;
    // A broker that has not heard of the deletion yet goes on serving the topic that it knows.
    const std::string what = fmt::format("offset {} of generation {} holds record {} of {}", offset,
                                         history_.generation, name->number, generation);
    // Logs are looked at between events.
    workload_.world().ScheduleAfter(
        Duration(0), {.kind = EventKind::kHarness},
        [&workload = workload_, offset, what, record = std::string(value)] {
          if (!workload.IsInPresentTopic({kTopic, 0}, offset, record)) return;
          workload.world().Fail("8: a deleted topic stays deleted", absl::InternalError(what));
        });
    return;
  }
  workload_.world().Fail("8: records are unchanged",
                         absl::DataLossError(fmt::format("offset {} holds '{}'", offset, value)));
}

void ChurnProcess::Delete() {
  consumer_.reset();
  producer_.reset();
  kafka::DeleteTopicsRequest request;
  request.topics.emplace_back().name = kTopic;
  request.topic_names.emplace_back(kTopic);
  request.timeout_ms = 1000;
  NewChannel().Send(
      std::move(request), kPatience, [this](absl::StatusOr<kafka::DeleteTopicsResponse> answer) {
        using kafka::ErrorCode;
        const ErrorCode error = answer.ok() && answer->responses.size() == 1
                                    ? answer->responses[0].error_code
                                    : ErrorCode::REQUEST_TIMED_OUT;
        const bool gone =
            error == ErrorCode::NONE || error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        if (gone) {
          for (int64_t i = history_.generation; i > 0 && history_.deleted.insert(i).second; --i)
            continue;
        }
        Again(gone ? &ChurnProcess::Create : &ChurnProcess::Delete,
              gone ? milliseconds(20) : kRetry);
      });
}

}  // namespace soliton::sim

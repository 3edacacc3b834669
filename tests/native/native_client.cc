#include "tests/native/native_client.h"

#include <charconv>

#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/metadata.h"

namespace soliton::native {

using kafka::ErrorCode;

NativeClient::NativeClient(std::vector<Endpoint> bootstrap)
    : bootstrap_(std::move(bootstrap)),
      ports_(
          std::make_unique<NativePorts>(NativeOptions{.shard_count = 3, .disk_thread_count = 0})) {
  ports_->Start();
  RunOn(shard(kAdminShard), [this] {
    kafka::ClusterClientOptions options;
    options.bootstrap = bootstrap_;
    admin_ = std::make_unique<kafka::ClusterClient>(shard(kAdminShard), *ports_->ports().transport,
                                                    options);
    admin_->WatchAll();
  });
}

NativeClient::~NativeClient() {
  RunOn(shard(kProducerShard), [this] { producer_.reset(); });
  RunOn(shard(kConsumerShard), [this] { consumer_.reset(); });
  RunOn(shard(kAdminShard), [this] { admin_.reset(); });
}

template <class Request>
absl::StatusOr<kafka::ResponseOf<Request>> NativeClient::Ask(const Request& request) {
  using Answer = absl::StatusOr<kafka::ResponseOf<Request>>;
  auto answer = std::make_shared<std::promise<Answer>>();
  std::future<Answer> came = answer->get_future();
  shard(kAdminShard).Post([this, request, answer] {
    admin_->SendToAny(request, seconds(30),
                      [answer](Answer response) { answer->set_value(std::move(response)); });
  });
  if (!Came(came)) return absl::DeadlineExceededError("no answer");
  return came.get();
}

void NativeClient::CreateTopic(const std::string& topic, int partitions, int replication_factor) {
  kafka::CreateTopicsRequest request;
  request.timeout_ms = 30000;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic;
  wanted.num_partitions = partitions;
  wanted.replication_factor = static_cast<int16_t>(replication_factor);
  auto& config = wanted.configs.emplace_back();
  config.name = "min.insync.replicas";
  config.value = std::to_string((replication_factor + 1) / 2);
  const auto response = Ask(request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->topics.at(0).error_code, ErrorCode::NONE) << response->ToString();
  ASSERT_TRUE(AwaitInSync(topic, static_cast<size_t>(replication_factor)));
}

ErrorCode NativeClient::DeleteTopic(const std::string& topic) {
  kafka::DeleteTopicsRequest request;
  request.timeout_ms = 30000;
  request.topics.emplace_back().name = topic;
  const auto response = Ask(request);
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() ? response->responses.at(0).error_code : ErrorCode::UNKNOWN_SERVER_ERROR;
}

bool NativeClient::AwaitInSync(const std::string& topic, size_t size) {
  return AwaitOn(shard(kAdminShard), [this, &topic, size] {
    const kafka::TopicState* state = admin_->metadata().Find(topic);
    bool all = state != nullptr && !state->partitions.empty();
    if (all) {
      for (const auto& [index, partition] : state->partitions) {
        all = all && partition.isr.size() == size && partition.leader.leader_id >= 0;
      }
    }
    if (!all) admin_->RequestRefresh();
    return all;
  });
}

int NativeClient::LedBy(const std::string& topic, int32_t broker) {
  return RunOn(shard(kAdminShard), [this, &topic, broker] {
    int count = 0;
    const kafka::TopicState* state = admin_->metadata().Find(topic);
    if (state == nullptr) return 0;
    for (const auto& [index, partition] : state->partitions) {
      count += partition.leader.leader_id == broker;
    }
    return count;
  });
}

void NativeClient::StartSending(const std::string& topic, int partitions, int in_flight) {
  RunOn(shard(kProducerShard), [&] {
    producer::ProducerOptions options;
    options.cluster.bootstrap = bootstrap_;
    options.accumulator.linger = milliseconds(1);
    auto producer = producer::Producer::Create(ports_->ports(), shard(kProducerShard), options);
    CHECK(producer.ok(), "{}", producer.status().ToString());
    producer_ = *std::move(producer);
    sending_ = {.topic = topic, .partitions = partitions, .in_flight_limit = in_flight, .on = true};
    SendMore();
  });
}

void NativeClient::SendMore() {
  while (sending_.on && sending_.in_flight < sending_.in_flight_limit) {
    const auto partition = static_cast<int32_t>(sending_.next++ % sending_.partitions);
    const int64_t number = sending_.next_number[partition]++;
    producer::ProducerRecord record;
    record.topic = sending_.topic;
    record.partition = partition;
    record.value = fmt::format("{} {}", partition, number) + std::string(200, ' ');
    ++sending_.in_flight;
    const absl::Status accepted = producer_->Send(
        std::move(record),
        [this, partition, number](const absl::StatusOr<producer::RecordMetadata>& answer) {
          OnAnswer(partition, number, answer);
        });
    CHECK(accepted.ok(), "{}", accepted.ToString());
  }
}

void NativeClient::OnAnswer(int32_t partition, int64_t number,
                            const absl::StatusOr<producer::RecordMetadata>& answer) {
  EXPECT_TRUE(answer.ok()) << answer.status().ToString();
  // Idempotence: acknowledgements of a partition come in order.
  EXPECT_EQ(sending_.acked_numbers[partition]++, number) << "partition " << partition;
  ++sending_.acked;
  --sending_.in_flight;
  SendMore();
}

void NativeClient::StopSending() {
  RunOn(shard(kProducerShard), [this] { sending_.on = false; });
  EXPECT_TRUE(AwaitOn(shard(kProducerShard), [this] { return sending_.in_flight == 0; }));
}

int64_t NativeClient::acked() const {
  return RunOn(ports_->ports().shards->shard(kProducerShard), [this] { return sending_.acked; });
}

bool NativeClient::AwaitAcked(int64_t count) {
  const int64_t target = acked() + count;
  return AwaitOn(shard(kProducerShard), [this, target] { return sending_.acked >= target; });
}

void NativeClient::StartReading(const std::string& topic, int partitions) {
  RunOn(shard(kConsumerShard), [&] {
    consumer::ConsumerOptions options;
    options.cluster.bootstrap = bootstrap_;
    options.fetch.reset_policy = consumer::ResetPolicy::kNone;
    auto consumer = consumer::Consumer::Create(ports_->ports(), shard(kConsumerShard), options);
    CHECK(consumer.ok(), "{}", consumer.status().ToString());
    consumer_ = *std::move(consumer);
    reading_ = {};
    consumer_->OnReady([this] { ReadMore(); });
    consumer_->OnEvent([](const consumer::ConsumerEvent& event) {
      ADD_FAILURE() << event.from.topic << "-" << event.from.partition << " at " << event.offset
                    << ": " << event.status.ToString();
    });
    std::vector<std::pair<consumer::TopicPartition, consumer::StartPosition>> assignment;
    for (int32_t i = 0; i < partitions; ++i) {
      assignment.push_back({{topic, i}, consumer::StartPosition::Earliest()});
    }
    consumer_->Assign(assignment);
  });
}

void NativeClient::ReadMore() {
  for (;;) {
    const std::vector<consumer::RecordSet> sets = consumer_->Poll(16);
    if (sets.empty()) return;
    for (const consumer::RecordSet& set : sets) {
      for (const consumer::ConsumedRecord& record : set.records) {
        const std::string wanted =
            fmt::format("{} {} ", set.from.partition, reading_.next_number[set.from.partition]++);
        EXPECT_TRUE(record.value.value_or("").starts_with(wanted))
            << record.value.value_or("null") << " instead of " << wanted;
      }
    }
  }
}

bool NativeClient::AwaitRead() {
  const auto sent = RunOn(shard(kProducerShard), [this] { return sending_.acked_numbers; });
  return AwaitOn(shard(kConsumerShard), [this, &sent] {
    for (const auto& [partition, count] : sent) {
      if (reading_.next_number[partition] < count) return false;
    }
    return true;
  });
}

}  // namespace soliton::native

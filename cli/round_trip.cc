#include "cli/round_trip.h"

#include <fmt/format.h>

#include <utility>

#include "cli/admin_command.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"

namespace soliton::cli {
namespace {

using kafka::ErrorCode;

constexpr std::string_view kTopic = "soliton-dev-round-trip";
constexpr Duration kTimeout = seconds(10);
constexpr int kAttempts = 5;
constexpr int kRecords = 2;

std::string ValueOf(int number) { return fmt::format("record {}", number); }

}  // namespace

RoundTrip::RoundTrip(ClientLoop& loop, kafka::ClusterClient& cluster, int16_t replicas,
                     std::function<void(absl::StatusOr<Duration>)> done)
    : loop_(loop), cluster_(cluster), replicas_(replicas), done_(std::move(done)) {}

void RoundTrip::Start() {
  kafka::CreateTopicsRequest request;
  request.timeout_ms = static_cast<int32_t>(kTimeout / milliseconds(1));
  auto& topic = request.topics.emplace_back();
  topic.name = std::string(kTopic);
  topic.num_partitions = 1;
  topic.replication_factor = replicas_;
  AskAny<kafka::CreateTopicsRequest>(
      cluster_, std::move(request), kTimeout, kAttempts, false,
      [this](const absl::StatusOr<kafka::CreateTopicsResponse>& response) {
        if (!response.ok()) return Fail(response.status());
        const ErrorCode error =
            response->topics.empty() ? ErrorCode::NONE : response->topics[0].error_code;
        // One that was interrupted leaves it behind.
        if (error != ErrorCode::NONE && error != ErrorCode::TOPIC_ALREADY_EXISTS) {
          return Fail(absl::FailedPreconditionError(
              fmt::format("cannot create a topic: {}", CauseOf(error))));
        }
        Connect();
      });
}

void RoundTrip::Connect() {
  producer::ProducerOptions sender;
  sender.cluster = DefaultClusterOptions(loop_.bootstrap());
  sender.delivery_timeout = kTimeout;
  sender.accumulator.linger = Duration::zero();
  auto producer = producer::Producer::Create(loop_.ports(), loop_.shard(), std::move(sender));
  consumer::ConsumerOptions reader;
  reader.cluster = DefaultClusterOptions(loop_.bootstrap());
  auto consumer = consumer::Consumer::Create(loop_.ports(), loop_.shard(), std::move(reader));
  if (!producer.ok()) return Fail(producer.status());
  if (!consumer.ok()) return Fail(consumer.status());
  producer_ = *std::move(producer);
  consumer_ = *std::move(consumer);
  consumer_->OnReady([this] { loop_.shard().Post([this] { Drain(); }); });
  consumer_->OnEvent([this](const consumer::ConsumerEvent& event) {
    if (event.kind == consumer::FetchEvent::Kind::kFailed) Fail(event.status);
  });
  Send();
}

void RoundTrip::Send() {
  producer::ProducerRecord record;
  record.topic = std::string(kTopic);
  record.partition = 0;
  record.value = ValueOf(++sent_);
  sent_at_ = loop_.shard().clock().Now();
  const absl::Status accepted = producer_->Send(
      std::move(record), [this](const absl::StatusOr<producer::RecordMetadata>& written) {
        if (!written.ok()) return Fail(written.status());
        if (sent_ > 1) return;
        consumer_->Assign(
            {{{std::string(kTopic), 0}, consumer::StartPosition::Offset(written->offset)}});
      });
  if (!accepted.ok()) Fail(accepted);
}

void RoundTrip::Drain() {
  if (!done_) return;
  for (const consumer::RecordSet& set : consumer_->Poll(1)) {
    for (const consumer::ConsumedRecord& record : set.records) {
      if (record.value != ValueOf(read_ + 1)) {
        return Fail(
            absl::DataLossError(fmt::format("'{}' was written, but '{}' was read",
                                            ValueOf(read_ + 1), record.value.value_or("null"))));
      }
      took_ = loop_.shard().clock().Now() - sent_at_;
      if (++read_ == kRecords) return Finish();
      Send();
    }
  }
}

void RoundTrip::Finish() {
  kafka::DeleteTopicsRequest request;
  request.timeout_ms = static_cast<int32_t>(kTimeout / milliseconds(1));
  request.topic_names = {std::string(kTopic)};
  request.topics.emplace_back().name = std::string(kTopic);
  AskAny<kafka::DeleteTopicsRequest>(cluster_, std::move(request), kTimeout, kAttempts, false,
                                     // Whether it could be removed says nothing about records.
                                     [this](const absl::StatusOr<kafka::DeleteTopicsResponse>&) {
                                       if (done_) std::exchange(done_, nullptr)(took_);
                                     });
}

void RoundTrip::Fail(const absl::Status& why) {
  if (done_) std::exchange(done_, nullptr)(why);
}

}  // namespace soliton::cli

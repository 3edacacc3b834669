#include "bench/load/produce_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bench/load/load_payload.h"
#include "protocol/messages/produce.h"
#include "protocol/record/batch_builder.h"
#include "protocol/wire/message_frame.h"
#include "runtime/base/check.h"
#include "runtime/base/endian.h"

namespace soliton::bench {
namespace {

using kafka::ErrorCode;
using kafka::ProduceRequest;
using kafka::ProduceResponse;

// The oldest flexible version: every broker since Apache Kafka 2.4 serves it.
constexpr int16_t kVersion = 9;
constexpr size_t kCorrelationIdAt = 4;  // behind API key and version
constexpr int32_t kRequestTimeoutMs = 30'000;
// Without answers the socket sets the pace.
constexpr int64_t kMaxUnsentBytes = 1024 * 1024;

BufferChain EncodeTemplate(const ProduceLoadOptions& options, int32_t partition,
                           const Buffer& batch) {
  ProduceRequest request;
  request.acks = options.acks;
  request.timeout_ms = kRequestTimeoutMs;
  auto& topic = request.topic_data.emplace_back();
  topic.name = options.target.topic;
  auto& data = topic.partition_data.emplace_back();
  data.index = partition;
  data.records = kafka::Records(batch);
  return EncodeRequest(
      {.api_key = ProduceRequest::kApiKey, .api_version = kVersion, .client_id = "soliton-bench"},
      request);
}

}  // namespace

Buffer MakeLoadBatch(int64_t batch_bytes, int64_t record_bytes, int64_t timestamp_ms) {
  LoadPayload payload;
  std::string value(static_cast<size_t>(record_bytes), '\0');
  kafka::BatchBuilder builder;
  do {
    payload.Fill(value);
    builder.Append(timestamp_ms, std::nullopt, value);
  } while (static_cast<int64_t>(builder.uncompressed_size_bytes() +
                                builder.SizeOf(timestamp_ms, std::nullopt, value)) <= batch_bytes);
  return builder.Build();
}

ProduceLoad::ProduceLoad(const Ports& ports, Shard& shard, const ProduceLoadOptions& options,
                         Done done)
    : ports_(ports), shard_(shard), options_(options), done_(std::move(done)) {
  batch_ = MakeLoadBatch(options_.batch_bytes, options_.record_bytes, shard_.clock().WallMs());
  question_ = std::make_unique<TopicLeadersQuestion>(
      shard_, *ports_.transport, options_.target,
      [this](absl::StatusOr<TopicLeaders> leaders) { OnLeaders(std::move(leaders)); });
}

ProduceLoad::~ProduceLoad() = default;

void ProduceLoad::OnLeaders(absl::StatusOr<TopicLeaders> leaders) {
  if (!leaders.ok()) return Finish(leaders.status());
  std::map<std::pair<Endpoint, int32_t>, RawConnection*> by_broker;
  for (const auto& [partition, leader] : *leaders) {
    RawConnection*& connection = by_broker[{leader, partition % options_.connections_per_broker}];
    if (connection == nullptr) {
      connection =
          connections_
              .emplace_back(std::make_unique<RawConnection>(
                  shard_, *ports_.transport, leader,
                  RawConnection::Events{
                      .on_ready = [this] { OnReady(); },
                      .on_answer =
                          [this](RawConnection::Answer answer) { OnAnswer(std::move(answer)); },
                      .on_drained = [this] { OnDrained(); },
                      .on_failed = [this](const absl::Status& why) { Finish(why); }}))
              .get();
    }
    Lane& lane = lanes_[partition];
    lane.connection = connection;
    const BufferChain request = EncodeTemplate(options_, partition, batch_);
    const std::vector<BufferChain::Piece> pieces = request.pieces();
    lane.head = std::get<Buffer>(pieces.front());
    for (size_t i = 1; i < pieces.size(); ++i) lane.rest.push_back(std::get<Buffer>(pieces[i]));
  }
}

void ProduceLoad::OnReady() {
  if (++ready_ < connections_.size()) return;
  if (on_begin_) on_begin_();
  started_ = shard_.clock().Now();
  if (options_.acks == 0) return FillOneWay();
  for (int32_t i = 0; i < options_.in_flight; ++i) {
    for (auto& [partition, lane] : lanes_) {
      if (WantsMore()) SendOne(partition, lane);
    }
  }
}

bool ProduceLoad::WantsMore() const {
  if (options_.limit.bytes > 0 && sent_bytes_ >= options_.limit.bytes) return false;
  return options_.limit.time <= Duration::zero() ||
         shard_.clock().Now() - started_ < options_.limit.time;
}

void ProduceLoad::SendOne(int32_t partition, Lane& lane) {
  Buffer head = Buffer::CopyOf(lane.head.span());
  StoreBigEndian(head.mutable_data() + kCorrelationIdAt, lane.connection->NextCorrelationId());
  BufferChain request(std::move(head));
  for (const Buffer& piece : lane.rest) request.Append(piece);
  sent_bytes_ += static_cast<int64_t>(batch_.size());
  ++figures_.requests;
  if (options_.acks == 0) {
    lane.connection->SendOneWay(std::move(request));
    return;
  }
  ++outstanding_;
  lane.connection->Send(std::move(request), partition);
}

void ProduceLoad::FillOneWay() {
  bool sent = true;
  while (sent) {
    sent = false;
    for (auto& [partition, lane] : lanes_) {
      if (!WantsMore() || lane.connection->unsent_bytes() >= kMaxUnsentBytes) continue;
      SendOne(partition, lane);
      sent = true;
    }
  }
}

void ProduceLoad::OnDrained() {
  if (options_.acks != 0 || !done_) return;
  FillOneWay();
  const bool all_sent = std::all_of(connections_.begin(), connections_.end(),
                                    [](const auto& c) { return c->unsent_bytes() == 0; });
  if (all_sent && !WantsMore()) Finish(absl::OkStatus());
}

void ProduceLoad::OnAnswer(RawConnection::Answer answer) {
  if (!done_) return;
  const MonotonicTime now = shard_.clock().Now();
  absl::StatusOr<ProduceResponse> response = kafka::DecodeResponse<ProduceResponse>(
      std::move(answer.frame), kVersion, answer.correlation_id);
  if (!response.ok()) return Finish(response.status());
  if (response->responses.size() != 1 || response->responses[0].partition_responses.size() != 1) {
    return Finish(absl::DataLossError("a produce answer without its partition"));
  }
  const auto& result = response->responses[0].partition_responses[0];
  if (result.error_code != ErrorCode::NONE) {
    return Finish(absl::AbortedError(fmt::format("{}-{} answered {}: {}", options_.target.topic,
                                                 result.index, kafka::ErrorName(result.error_code),
                                                 result.error_message.value_or(""))));
  }
  --outstanding_;
  figures_.bytes += static_cast<int64_t>(batch_.size());
  figures_.latency.Add(now - answer.sent_at);
  if (WantsMore()) return SendOne(answer.tag, lanes_.at(answer.tag));
  if (outstanding_ == 0) Finish(absl::OkStatus());
}

void ProduceLoad::Finish(absl::Status status) {
  if (!done_) return;
  auto done = std::exchange(done_, nullptr);
  if (!status.ok()) return done(std::move(status));
  if (options_.acks == 0) figures_.bytes = sent_bytes_;
  figures_.elapsed = shard_.clock().Now() - started_;
  done(std::move(figures_));
}

}  // namespace soliton::bench

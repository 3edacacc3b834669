#include "bench/load/consume_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/record/record_batch.h"
#include "protocol/wire/message_frame.h"

namespace soliton::bench {
namespace {

using kafka::ErrorCode;
using kafka::FetchRequest;
using kafka::FetchResponse;

// The newest version with topic names.
constexpr int16_t kVersion = 12;
constexpr int32_t kMaxWaitMs = 500;

}  // namespace

absl::StatusOr<int64_t> OffsetBehind(const Buffer& records, int64_t fetch_offset) {
  int64_t next_offset = fetch_offset;
  size_t position = 0;
  while (records.size() - position >= kafka::kBatchHeaderBytes) {
    const kafka::RecordBatchHeader header(records.data() + position);
    if (header.batch_length() <
            static_cast<int32_t>(kafka::kBatchHeaderBytes - kafka::kBatchPrefixBytes) ||
        header.next_offset() <= next_offset) {
      return absl::DataLossError(fmt::format("no record batch at byte {} of an answer", position));
    }
    const auto size = static_cast<size_t>(header.size_bytes());
    if (size > records.size() - position) break;  // cut off by the byte limit
    next_offset = header.next_offset();
    position += size;
  }
  return next_offset;
}

ConsumeLoad::ConsumeLoad(const Ports& ports, Shard& shard, const ConsumeLoadOptions& options,
                         Done done)
    : ports_(ports), shard_(shard), options_(options), done_(std::move(done)) {
  question_ = std::make_unique<TopicLeadersQuestion>(
      shard_, *ports_.transport, options_.target,
      [this](absl::StatusOr<TopicLeaders> leaders) { OnLeaders(std::move(leaders)); });
}

ConsumeLoad::~ConsumeLoad() = default;

void ConsumeLoad::OnLeaders(absl::StatusOr<TopicLeaders> leaders) {
  if (!leaders.ok()) return Finish(leaders.status());
  std::map<Endpoint, std::map<int32_t, Lane>> by_broker;
  for (const auto& [partition, leader] : *leaders) by_broker[leader][partition] = {};
  for (auto& [endpoint, lanes] : by_broker) {
    Leader& leader = leaders_.emplace_back();
    leader.lanes = std::move(lanes);
    leader.connection = std::make_unique<RawConnection>(
        shard_, *ports_.transport, endpoint,
        RawConnection::Events{
            .on_ready = [this] { OnReady(); },
            .on_answer = [this](RawConnection::Answer answer) { OnAnswer(std::move(answer)); },
            .on_failed = [this](const absl::Status& why) { Finish(why); }});
  }
}

void ConsumeLoad::OnReady() {
  if (++ready_ < leaders_.size()) return;
  if (on_begin_) on_begin_();
  started_ = shard_.clock().Now();
  for (size_t i = 0; i < leaders_.size(); ++i) SendFetch(static_cast<int32_t>(i));
}

void ConsumeLoad::SendFetch(int32_t index) {
  Leader& leader = leaders_[static_cast<size_t>(index)];
  FetchRequest request;
  request.max_wait_ms = kMaxWaitMs;
  request.min_bytes = 1;
  request.max_bytes = static_cast<int32_t>(options_.max_bytes);
  auto& topic = request.topics.emplace_back();
  topic.topic = options_.target.topic;
  for (const auto& [id, lane] : leader.lanes) {
    if (lane.done) continue;
    auto& partition = topic.partitions.emplace_back();
    partition.partition = id;
    partition.fetch_offset = lane.next_offset;
    partition.partition_max_bytes = static_cast<int32_t>(options_.partition_max_bytes);
  }
  if (topic.partitions.empty()) return;
  leader.waiting = true;
  ++figures_.requests;
  leader.connection->Send(EncodeRequest({.api_key = FetchRequest::kApiKey,
                                         .api_version = kVersion,
                                         .correlation_id = leader.connection->NextCorrelationId(),
                                         .client_id = "soliton-bench"},
                                        request),
                          index);
}

void ConsumeLoad::OnAnswer(RawConnection::Answer answer) {
  if (!done_) return;
  figures_.latency.Add(shard_.clock().Now() - answer.sent_at);
  Leader& leader = leaders_[static_cast<size_t>(answer.tag)];
  leader.waiting = false;
  absl::StatusOr<FetchResponse> response = kafka::DecodeResponse<FetchResponse>(
      std::move(answer.frame), kVersion, answer.correlation_id);
  if (!response.ok()) return Finish(response.status());
  for (const auto& topic : response->responses) {
    for (const auto& partition : topic.partitions) {
      const auto lane = leader.lanes.find(partition.partition_index);
      if (lane == leader.lanes.end()) {
        return Finish(absl::DataLossError("an answer for a partition that was not asked for"));
      }
      if (absl::Status status = Take(lane->second, partition); !status.ok()) return Finish(status);
    }
  }
  if (!LimitReached()) SendFetch(answer.tag);
  const bool idle =
      std::none_of(leaders_.begin(), leaders_.end(), [](const Leader& l) { return l.waiting; });
  if (idle) Finish(absl::OkStatus());
}

absl::Status ConsumeLoad::Take(Lane& lane, const FetchResponse::PartitionData& data) {
  if (data.error_code == ErrorCode::OFFSET_OUT_OF_RANGE &&
      data.log_start_offset > lane.next_offset) {
    lane.start_offset = lane.next_offset = data.log_start_offset;
    return absl::OkStatus();
  }
  if (data.error_code != ErrorCode::NONE) {
    return absl::AbortedError(fmt::format("{}-{} answered {}", options_.target.topic,
                                          data.partition_index, kafka::ErrorName(data.error_code)));
  }
  if (lane.end_offset < 0) lane.end_offset = data.high_watermark;
  const Buffer records = data.records.buffer();
  figures_.bytes += static_cast<int64_t>(records.size());
  absl::StatusOr<int64_t> next = OffsetBehind(records, lane.next_offset);
  if (!next.ok()) return next.status();
  lane.next_offset = *next;
  if (lane.next_offset < lane.end_offset) return absl::OkStatus();
  if (limited() && lane.end_offset > lane.start_offset) {
    lane.next_offset = lane.start_offset;
  } else {
    lane.done = true;
  }
  return absl::OkStatus();
}

bool ConsumeLoad::LimitReached() const {
  if (options_.limit.bytes > 0 && figures_.bytes >= options_.limit.bytes) return true;
  return options_.limit.time > Duration::zero() &&
         shard_.clock().Now() - started_ >= options_.limit.time;
}

void ConsumeLoad::Finish(absl::Status status) {
  if (!done_) return;
  auto done = std::exchange(done_, nullptr);
  if (!status.ok()) return done(std::move(status));
  figures_.elapsed = shard_.clock().Now() - started_;
  done(std::move(figures_));
}

}  // namespace soliton::bench

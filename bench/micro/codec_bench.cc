// The generated codec on the two hot requests, as the broker meets them: a produce request is
// decoded and its answer encoded, and so with fetch. Records are slices, never copied.
#include <benchmark/benchmark.h>

#include "protocol/messages/fetch.h"
#include "protocol/messages/produce.h"
#include "protocol/wire/message_frame.h"

namespace soliton::kafka {
namespace {

constexpr int16_t kProduceVersion = 9;
constexpr int16_t kFetchVersion = 12;
constexpr size_t kRecordBytes = 1024;  // of one partition

ProduceRequest MakeProduceRequest(int64_t partitions) {
  ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 30'000;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "orders";
  for (int32_t i = 0; i < partitions; ++i) {
    auto& partition = topic.partition_data.emplace_back();
    partition.index = i;
    partition.records = Records(Buffer::Wrap(std::string(kRecordBytes, 'r')));
  }
  return request;
}

FetchRequest MakeFetchRequest(int64_t partitions) {
  FetchRequest request;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.max_bytes = 50 << 20;
  auto& topic = request.topics.emplace_back();
  topic.topic = "orders";
  for (int32_t i = 0; i < partitions; ++i) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition = i;
    partition.fetch_offset = 1'000'000 + i;
    partition.partition_max_bytes = 1 << 20;
  }
  return request;
}

ProduceResponse MakeProduceResponse(int64_t partitions) {
  ProduceResponse response;
  auto& topic = response.responses.emplace_back();
  topic.name = "orders";
  for (int32_t i = 0; i < partitions; ++i) {
    auto& partition = topic.partition_responses.emplace_back();
    partition.index = i;
    partition.base_offset = 1'000'000;
  }
  return response;
}

FetchResponse MakeFetchResponse(int64_t partitions) {
  FetchResponse response;
  auto& topic = response.responses.emplace_back();
  topic.topic = "orders";
  for (int32_t i = 0; i < partitions; ++i) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = i;
    partition.high_watermark = 1'000'000;
    partition.records = Records(Buffer::Wrap(std::string(kRecordBytes, 'r')));
  }
  return response;
}

// Decodes what `message` encodes to.
template <class Message>
void DecodeAgainAndAgain(benchmark::State& state, const Message& message, int16_t version) {
  SizeCounter size;
  message.Write(size, version);
  Encoder out(size.copied_bytes());
  message.Write(out, version);
  const Buffer body = *out.Finish().Flatten();
  for (auto _ : state) {
    Decoder in(body);
    auto decoded = Message::Decode(in, version);
    benchmark::DoNotOptimize(decoded);
  }
}

// Argument of all: partitions.
void BM_DecodeProduceRequest(benchmark::State& state) {
  DecodeAgainAndAgain(state, MakeProduceRequest(state.range(0)), kProduceVersion);
}
BENCHMARK(BM_DecodeProduceRequest)->Arg(1)->Arg(16);

void BM_EncodeProduceRequest(benchmark::State& state) {
  const ProduceRequest request = MakeProduceRequest(state.range(0));
  const RequestHeader header{.api_key = ProduceRequest::kApiKey, .api_version = kProduceVersion};
  for (auto _ : state) benchmark::DoNotOptimize(EncodeRequest(header, request));
}
BENCHMARK(BM_EncodeProduceRequest)->Arg(1)->Arg(16);

void BM_EncodeProduceResponse(benchmark::State& state) {
  const ProduceResponse response = MakeProduceResponse(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(EncodeResponse(7, kProduceVersion, response));
}
BENCHMARK(BM_EncodeProduceResponse)->Arg(1)->Arg(16);

void BM_DecodeFetchRequest(benchmark::State& state) {
  DecodeAgainAndAgain(state, MakeFetchRequest(state.range(0)), kFetchVersion);
}
BENCHMARK(BM_DecodeFetchRequest)->Arg(1)->Arg(16)->Arg(1000);

void BM_EncodeFetchResponse(benchmark::State& state) {
  const FetchResponse response = MakeFetchResponse(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(EncodeResponse(7, kFetchVersion, response));
}
BENCHMARK(BM_EncodeFetchResponse)->Arg(1)->Arg(16)->Arg(1000);

void BM_DecodeFetchResponse(benchmark::State& state) {
  DecodeAgainAndAgain(state, MakeFetchResponse(state.range(0)), kFetchVersion);
}
BENCHMARK(BM_DecodeFetchResponse)->Arg(1)->Arg(16);

}  // namespace
}  // namespace soliton::kafka

// Answers as our own clients get them: response header and body of the API and version that the
// first four bytes name, then what producer, consumer and metadata cache make of them.
#include <cstdint>
#include <string_view>

#include "consumer/fetch_wire.h"
#include "producer/produce_wire.h"
#include "protocol/messages/all_messages.h"
#include "protocol/session/metadata_cache.h"
#include "protocol/wire/message_frame.h"
#include "runtime/base/check.h"
#include "tests/fuzz/input_reader.h"

namespace soliton::kafka {
namespace {

constexpr int32_t kCorrelationId = 1;

void Use(const MetadataResponse& response) {
  MetadataCache cache;
  cache.Apply(response, std::nullopt);
  cache.Apply(response, std::set<std::string>{"t"});
  for (const auto& [name, topic] : cache.topics()) {
    CHECK(cache.Find(name) == &topic);
    (void)cache.LeaderOf(name, 0);
  }
}
void Use(const ProduceResponse& response) { (void)producer::AnswersOf(response); }
void Use(const FetchResponse& response) { (void)consumer::AnswersOf(response, MetadataCache()); }
template <class Response>
void Use(const Response&) {}

struct DecodeAndUse {
  const int16_t api_key;
  const int16_t version;
  const Buffer frame;

  template <class Message>
  void operator()() const {
    if constexpr (std::string_view(Message::kName).ends_with("Response")) {
      if (Message::kApiKey != api_key || version < Message::kMinVersion ||
          version > Message::kMaxVersion) {
        return;
      }
      const auto response = DecodeResponse<Message>(frame, version, kCorrelationId);
      if (!response.ok()) return;
      (void)response->ToString();
      const Buffer once = EncodeResponse(kCorrelationId, version, *response).Flatten().value();
      const auto again = DecodeResponse<Message>(once, version, kCorrelationId);
      CHECK(again.ok(), "{} does not decode what it encoded", Message::kName);
      CHECK(EncodeResponse(kCorrelationId, version, *again).Flatten().value() == once,
            "{} is not stable", Message::kName);
      Use(*response);
    }
  }
};

}  // namespace
}  // namespace soliton::kafka

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace soliton;
  fuzz::InputReader in(data, size);
  const auto api_key = static_cast<int16_t>(in.Short());
  const auto version = static_cast<int16_t>(in.Short());
  kafka::ForEachMessage(kafka::DecodeAndUse{api_key, version, Buffer::CopyOf(in.Rest())});
  return 0;
}

#include "broker/server/dispatch.h"

#include <array>

namespace soliton::broker {

extern const HandlerEntry kProduceHandler;
extern const HandlerEntry kFetchHandler;
extern const HandlerEntry kListOffsetsHandler;
extern const HandlerEntry kMetadataHandler;
extern const HandlerEntry kFindCoordinatorHandler;
extern const HandlerEntry kApiVersionsHandler;
extern const HandlerEntry kCreateTopicsHandler;
extern const HandlerEntry kDeleteTopicsHandler;
extern const HandlerEntry kInitProducerIdHandler;
extern const HandlerEntry kOffsetForLeaderEpochHandler;

std::span<const HandlerEntry* const> Handlers() {
  static constexpr std::array kHandlers = {
      &kProduceHandler,         &kFetchHandler,
      &kListOffsetsHandler,     &kMetadataHandler,
      &kFindCoordinatorHandler, &kApiVersionsHandler,
      &kCreateTopicsHandler,    &kDeleteTopicsHandler,
      &kInitProducerIdHandler,  &kOffsetForLeaderEpochHandler,
  };
  return kHandlers;
}

const HandlerEntry* FindHandler(int16_t api_key) {
  for (const HandlerEntry* entry : Handlers()) {
    if (entry->api_key == api_key) return entry;
  }
  return nullptr;
}

void Dispatch(const std::shared_ptr<Connection>& connection, uint64_t slot, Buffer frame) {
  kafka::Decoder decoder(frame);
  absl::StatusOr<kafka::RequestHeader> header = kafka::DecodeRequestHeader(decoder);
  if (!header.ok()) {
    connection->Close(fmt::format("not a Kafka request ({}); is the peer speaking TLS or HTTP?",
                                  std::string(header.status().message())));
    return;
  }
  const HandlerEntry* entry = FindHandler(header->api_key);
  // ApiVersions decides itself: it is the one request whose unknown versions are answered.
  const bool negotiates =
      entry != nullptr && entry->api_key == static_cast<int16_t>(kafka::ApiKey::kApiVersions);
  if (entry == nullptr || (!negotiates && (header->api_version < entry->min_version ||
                                           header->api_version > entry->max_version))) {
    connection->Close(fmt::format("{} (API key {}) version {} is not served; client id '{}'",
                                  kafka::ApiName(header->api_key), header->api_key,
                                  header->api_version, header->client_id));
    return;
  }
  Buffer body = frame.Slice(decoder.position());
  entry->handle(std::make_shared<Request>(connection, slot, std::move(*header), std::move(body)));
}

}  // namespace soliton::broker

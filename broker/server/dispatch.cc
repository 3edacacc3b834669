#include "broker/server/dispatch.h"

#include <array>

#include "runtime/base/recycling_allocator.h"
#include "runtime/net/foreign_protocol.h"

namespace soliton::broker {

extern const HandlerEntry kProduceHandler;
extern const HandlerEntry kFetchHandler;
extern const HandlerEntry kListOffsetsHandler;
extern const HandlerEntry kMetadataHandler;
extern const HandlerEntry kFindCoordinatorHandler;
extern const HandlerEntry kApiVersionsHandler;
extern const HandlerEntry kCreateTopicsHandler;
extern const HandlerEntry kDeleteTopicsHandler;
extern const HandlerEntry kDeleteRecordsHandler;
extern const HandlerEntry kInitProducerIdHandler;
extern const HandlerEntry kOffsetForLeaderEpochHandler;
extern const HandlerEntry kDescribeConfigsHandler;
extern const HandlerEntry kAlterConfigsHandler;
extern const HandlerEntry kDescribeLogDirsHandler;
extern const HandlerEntry kCreatePartitionsHandler;
extern const HandlerEntry kElectLeadersHandler;
extern const HandlerEntry kIncrementalAlterConfigsHandler;
extern const HandlerEntry kAlterPartitionReassignmentsHandler;
extern const HandlerEntry kListPartitionReassignmentsHandler;
extern const HandlerEntry kDescribeQuorumHandler;
extern const HandlerEntry kDescribeClusterHandler;
extern const HandlerEntry kDescribeProducersHandler;
extern const HandlerEntry kUnregisterBrokerHandler;
extern const HandlerEntry kDescribeTopicPartitionsHandler;
extern const HandlerEntry kAddRaftVoterHandler;
extern const HandlerEntry kRemoveRaftVoterHandler;

std::span<const HandlerEntry* const> Handlers() {
  static constexpr std::array kHandlers = {
      &kProduceHandler,
      &kFetchHandler,
      &kListOffsetsHandler,
      &kMetadataHandler,
      &kFindCoordinatorHandler,
      &kApiVersionsHandler,
      &kCreateTopicsHandler,
      &kDeleteTopicsHandler,
      &kDeleteRecordsHandler,
      &kInitProducerIdHandler,
      &kOffsetForLeaderEpochHandler,
      &kDescribeConfigsHandler,
      &kAlterConfigsHandler,
      &kDescribeLogDirsHandler,
      &kCreatePartitionsHandler,
      &kElectLeadersHandler,
      &kIncrementalAlterConfigsHandler,
      &kAlterPartitionReassignmentsHandler,
      &kListPartitionReassignmentsHandler,
      &kDescribeQuorumHandler,
      &kDescribeClusterHandler,
      &kDescribeProducersHandler,
      &kUnregisterBrokerHandler,
      &kDescribeTopicPartitionsHandler,
      &kAddRaftVoterHandler,
      &kRemoveRaftVoterHandler,
  };
  return kHandlers;
}

const HandlerEntry* FindHandler(int16_t api_key) {
  for (const HandlerEntry* entry : Handlers()) {
    if (entry->api_key == api_key) return entry;
  }
  return nullptr;
}

namespace {

// What a stranger called itself, fit for one line of a log.
std::string Printable(std::string_view text) {
  constexpr size_t kMostBytes = 64;
  std::string out;
  for (const char c : text.substr(0, kMostBytes)) {
    const bool plain = c >= ' ' && c <= '~';
    out += plain ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
  }
  return text.size() > kMostBytes ? out + "..." : out;
}

// "" or a guess at what else it is than a request.
std::string LikelyMistake(const Buffer& frame) {
  const std::string_view foreign = ForeignProtocol(frame.span());
  return foreign.empty() ? "" : fmt::format("; it looks like {}", foreign);
}

}  // namespace

void Dispatch(const std::shared_ptr<Connection>& connection, uint64_t slot, Buffer frame) {
  kafka::Decoder decoder(std::move(frame));
  kafka::RequestHeader header;
  if (!kafka::DecodeRequestHeader(decoder, header)) {
    connection->Close(fmt::format("not a Kafka request ({}){}",
                                  std::string(decoder.status().message()),
                                  LikelyMistake(decoder.frame())));
    return;
  }
  const HandlerEntry* entry = FindHandler(header.api_key);
  // ApiVersions decides itself: it is the one request whose unknown versions are answered.
  const bool negotiates =
      entry != nullptr && entry->api_key == static_cast<int16_t>(kafka::ApiKey::kApiVersions);
  if (entry == nullptr || (!negotiates && (header.api_version < entry->min_version ||
                                           header.api_version > entry->max_version))) {
    connection->Close(fmt::format("{} (API key {}) version {} is not served; client id '{}'{}",
                                  kafka::ApiName(header.api_key), header.api_key,
                                  header.api_version, Printable(header.client_id),
                                  LikelyMistake(decoder.frame())));
    return;
  }
  entry->handle(MakeRecycled<Request>(connection, slot, std::move(header), decoder.TakeRest()));
}

}  // namespace soliton::broker

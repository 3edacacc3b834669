// One frame as a client would send it: request header, then the body that the header announces.
// What decodes must encode to bytes that decode to the same bytes again.
#include <cstdint>
#include <span>

#include "protocol/messages/all_messages.h"
#include "protocol/wire/decoder.h"
#include "protocol/wire/encoder.h"
#include "protocol/wire/request_header.h"
#include "runtime/base/check.h"

namespace soliton::kafka {
namespace {

template <class Message>
Buffer Encoded(const Message& message, int16_t version) {
  Encoder out;
  message.Encode(out, version);
  Buffer bytes = out.Finish().Flatten().value();
  CHECK(bytes.size() == message.EncodedSize(version));
  return bytes;
}

struct FuzzBody {
  const RequestHeader& header;
  const Buffer body;

  template <class Message>
  void operator()() const {
    // Responses share the key: they are decoded from the same bytes, as a client would.
    if (Message::kApiKey != header.api_key) return;
    Decoder in(body);
    const auto message = Message::Decode(in, header.api_version);
    if (!message.ok()) return;
    (void)message->ToString();
    const Buffer once = Encoded(*message, header.api_version);
    Decoder again(once);
    const auto second = Message::Decode(again, header.api_version);
    CHECK(second.ok(), "{} does not decode what it encoded", Message::kName);
    CHECK(Encoded(*second, header.api_version) == once, "{} is not stable", Message::kName);
  }
};

}  // namespace
}  // namespace soliton::kafka

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace soliton::kafka;
  Decoder in(soliton::Buffer::CopyOf(std::span(data, size)));
  const auto header = DecodeRequestHeader(in);
  if (!header.ok()) return 0;
  ForEachMessage(FuzzBody{*header, in.Rest()});
  return 0;
}

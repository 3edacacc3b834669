#include "tests/protocol/message_registry.h"

#include <utility>

#include "protocol/messages/all_data.h"
#include "protocol/messages/all_messages.h"
#include "protocol/testing/json_reader.h"

namespace soliton::kafka {
namespace {

template <class Message>
class Typed : public AnyMessage {
 public:
  explicit Typed(Message message) : message_(std::move(message)) {}

  void Encode(Encoder& out, int16_t version) const override { message_.Encode(out, version); }
  size_t EncodedSize(int16_t version) const override { return message_.EncodedSize(version); }
  std::string ToString() const override { return message_.ToString(); }
  bool Equals(const AnyMessage& other) const override {
    return message_ == static_cast<const Typed&>(other).message_;
  }

 private:
  Message message_;
};

template <class Message>
absl::StatusOr<MessageType::Pointer> Wrap(absl::StatusOr<Message> message) {
  if (!message.ok()) return message.status();
  return std::make_unique<Typed<Message>>(*std::move(message));
}

template <class Message>
constexpr int16_t KeyOf() {
  if constexpr (requires { Message::kApiKey; }) {
    return Message::kApiKey;
  } else if constexpr (requires { Message::kRecordType; }) {
    return Message::kRecordType;
  } else {
    return -1;
  }
}

struct Collect {
  std::vector<MessageType>* types;

  template <class Message>
  void operator()() const {
    types->push_back({
        .name = Message::kName,
        .key = KeyOf<Message>(),
        .min_version = Message::kMinVersion,
        .max_version = Message::kMaxVersion,
        .first_flexible_version = Message::kFirstFlexibleVersion,
        .random = [](Random& random, int16_t version) -> MessageType::Pointer {
          return std::make_unique<Typed<Message>>(Message::RandomInstance(random, version));
        },
        .decode = [](Decoder& in, int16_t version) { return Wrap(Message::Decode(in, version)); },
        .from_json = [](const boost::json::value& value) { return Wrap(FromJson<Message>(value)); },
    });
  }
};

}  // namespace

Buffer AnyMessage::Bytes(int16_t version) const {
  Encoder out(16);  // small, so that growing is exercised
  Encode(out, version);
  return out.Finish().Flatten().value();
}

const std::vector<MessageType>& AllMessageTypes() {
  static const std::vector<MessageType>* const types = [] {
    auto* all = new std::vector<MessageType>();
    ForEachMessage(Collect{all});
    ForEachData(Collect{all});
    return all;
  }();
  return *types;
}

const MessageType* FindMessageType(std::string_view name) {
  for (const MessageType& type : AllMessageTypes()) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

}  // namespace soliton::kafka

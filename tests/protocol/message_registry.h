// Every generated message, record and other data behind one interface, so that a test can loop over
// all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/wire/decoder.h"
#include "protocol/wire/encoder.h"
#include "runtime/base/random.h"

namespace boost::json {
class value;
}

namespace soliton::kafka {

class AnyMessage {
 public:
  virtual ~AnyMessage() = default;
  virtual void Encode(Encoder& out, int16_t version) const = 0;
  virtual size_t EncodedSize(int16_t version) const = 0;
  virtual std::string ToString() const = 0;
  // `other` must be of the same type.
  virtual bool Equals(const AnyMessage& other) const = 0;

  Buffer Bytes(int16_t version) const;
};

struct MessageType {
  using Pointer = std::unique_ptr<AnyMessage>;

  std::string_view name;  // "ProduceRequest"
  int16_t key;            // API key, record type, or -1
  int16_t min_version;
  int16_t max_version;
  int16_t first_flexible_version;
  Pointer (*random)(Random& random, int16_t version);
  absl::StatusOr<Pointer> (*decode)(Decoder& in, int16_t version);
  absl::StatusOr<Pointer> (*from_json)(const boost::json::value& value);
};

const std::vector<MessageType>& AllMessageTypes();
// Null when there is none.
const MessageType* FindMessageType(std::string_view name);

}  // namespace soliton::kafka

// What stands before the body of every request and response. The header version follows from API
// key and version (api.h); client_id keeps its 16-bit length even in the flexible header version 2.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/wire/decoder.h"
#include "protocol/wire/tagged_field.h"
#include "protocol/wire/wire_writer.h"

namespace soliton::kafka {

struct RequestHeader {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t correlation_id = 0;
  std::string client_id;  // a null one decodes as empty; always written as non-null
  std::vector<UnknownTaggedField> unknown_tagged_fields;  // header version 2

  // Sink is Encoder or SizeCounter. The header version follows from api_key and api_version.
  template <class Sink>
  void Write(Sink& out) const;
  template <class Sink>
  void Write(Sink& out, int16_t header_version) const;
  std::string ToString() const;
  friend bool operator==(const RequestHeader&, const RequestHeader&) = default;
};

// Leaves `in` at the first byte of the body. Succeeds for unknown API keys and versions too, so
// that the caller can name them: look at FindApi and its versions before decoding the body.
absl::StatusOr<RequestHeader> DecodeRequestHeader(Decoder& in);
// The same into a fresh `header`; false when in.status() says why not.
bool DecodeRequestHeader(Decoder& in, RequestHeader& header);
// With a header version that is known from elsewhere.
absl::StatusOr<RequestHeader> DecodeRequestHeader(Decoder& in, int16_t header_version);

struct ResponseHeader {
  int32_t correlation_id = 0;
  std::vector<UnknownTaggedField> unknown_tagged_fields;  // header version 1

  template <class Sink>
  void Write(Sink& out, int16_t header_version) const;
  friend bool operator==(const ResponseHeader&, const ResponseHeader&) = default;
};

absl::StatusOr<ResponseHeader> DecodeResponseHeader(Decoder& in, int16_t header_version);

}  // namespace soliton::kafka

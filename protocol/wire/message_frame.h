// Whole frames (header and body, without the length prefix, which the connection adds) from and to
// the generated messages. Bytes behind the body's end are ignored, as Kafka does. Pure; any thread.
#pragma once

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protocol/wire/api.h"
#include "protocol/wire/decoder.h"
#include "protocol/wire/encoder.h"
#include "protocol/wire/request_header.h"
#include "protocol/wire/size_counter.h"
#include "runtime/base/buffer_chain.h"
#include "runtime/base/check.h"

namespace soliton::kafka {

namespace internal {
absl::Status CheckCorrelation(int32_t got, int32_t expected);
}  // namespace internal

// `header.api_key` and `api_version` must be those of Request and a version it has.
template <class Request>
BufferChain EncodeRequest(const RequestHeader& header, const Request& request) {
  CHECK(header.api_key == Request::kApiKey);
  SizeCounter size;
  header.Write(size);
  request.Write(size, header.api_version);
  Encoder out(size.copied_bytes());
  header.Write(out);
  request.Write(out, header.api_version);
  return out.Finish();
}

template <class Response>
BufferChain EncodeResponse(int32_t correlation_id, int16_t version, const Response& response) {
  const ResponseHeader header{.correlation_id = correlation_id};
  const int16_t header_version = ResponseHeaderVersion(Response::kApiKey, version);
  SizeCounter size;
  header.Write(size, header_version);
  response.Write(size, version);
  Encoder out(size.copied_bytes());
  header.Write(out, header_version);
  response.Write(out, version);
  return out.Finish();
}

// The response to the request that was sent with `version` and `correlation_id`.
template <class Response>
absl::StatusOr<Response> DecodeResponse(Buffer frame, int16_t version, int32_t correlation_id) {
  Decoder in(std::move(frame));
  auto header = DecodeResponseHeader(in, ResponseHeaderVersion(Response::kApiKey, version));
  if (!header.ok()) return header.status();
  absl::Status matches = internal::CheckCorrelation(header->correlation_id, correlation_id);
  if (!matches.ok()) return matches;
  return Response::Decode(in, version);
}

}  // namespace soliton::kafka

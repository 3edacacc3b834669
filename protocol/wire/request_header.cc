#include "protocol/wire/request_header.h"

#include <fmt/format.h>

#include "protocol/wire/api.h"
#include "protocol/wire/encoder.h"
#include "protocol/wire/size_counter.h"
#include "runtime/base/endian.h"

namespace soliton::kafka {
namespace {

void DecodeTags(Decoder& in, std::vector<UnknownTaggedField>& unknown) {
  for (uint32_t left = in.TagCount(); left > 0 && in.ok(); --left) {
    in.UnknownTag(in.BeginTag(), unknown);
  }
  in.FinishTags(unknown);
}

template <class Sink>
void WriteTags(Sink& out, const std::vector<UnknownTaggedField>& unknown) {
  out.UnsignedVarint(static_cast<uint32_t>(unknown.size()));
  size_t next = 0;
  out.UnknownTagsBelow(Sink::kAfterAllTags, unknown, &next);
}

}  // namespace

template <class Sink>
void RequestHeader::Write(Sink& out, int16_t header_version) const {
  out.Int16(api_key);
  out.Int16(api_version);
  out.Int32(correlation_id);
  out.String(client_id, /*flexible=*/false);
  if (header_version >= 2) WriteTags(out, unknown_tagged_fields);
}
template void RequestHeader::Write(Encoder&, int16_t) const;
template void RequestHeader::Write(SizeCounter&, int16_t) const;

template <class Sink>
void RequestHeader::Write(Sink& out) const {
  Write(out, RequestHeaderVersion(api_key, api_version));
}
template void RequestHeader::Write(Encoder&) const;
template void RequestHeader::Write(SizeCounter&) const;

std::string RequestHeader::ToString() const {
  return fmt::format("{} v{} correlation_id={} client_id=\"{}\"", ApiName(api_key), api_version,
                     correlation_id, client_id);
}

namespace {

bool Decode(Decoder& in, int16_t header_version, RequestHeader& header) {
  header.api_key = in.Int16();
  header.api_version = in.Int16();
  header.correlation_id = in.Int32();
  if (auto id = in.NullableString(/*flexible=*/false, /*allow_null=*/true)) {
    header.client_id = *std::move(id);
  }
  if (in.ok() && header_version >= 2) DecodeTags(in, header.unknown_tagged_fields);
  return in.ok();
}

}  // namespace

bool DecodeRequestHeader(Decoder& in, RequestHeader& header) {
  // The key and version that decide stand first. Where they are missing, every version fails alike.
  const std::span<const uint8_t> start = in.rest_span();
  if (start.size() < 2 * sizeof(int16_t)) return Decode(in, 1, header);
  return Decode(in,
                RequestHeaderVersion(LoadBigEndian<int16_t>(start.data()),
                                     LoadBigEndian<int16_t>(start.data() + sizeof(int16_t))),
                header);
}

absl::StatusOr<RequestHeader> DecodeRequestHeader(Decoder& in) {
  RequestHeader header;
  if (!DecodeRequestHeader(in, header)) return in.status();
  return header;
}

absl::StatusOr<RequestHeader> DecodeRequestHeader(Decoder& in, int16_t header_version) {
  RequestHeader header;
  if (!Decode(in, header_version, header)) return in.status();
  return header;
}

template <class Sink>
void ResponseHeader::Write(Sink& out, int16_t header_version) const {
  out.Int32(correlation_id);
  if (header_version >= 1) WriteTags(out, unknown_tagged_fields);
}
template void ResponseHeader::Write(Encoder&, int16_t) const;
template void ResponseHeader::Write(SizeCounter&, int16_t) const;

absl::StatusOr<ResponseHeader> DecodeResponseHeader(Decoder& in, int16_t header_version) {
  ResponseHeader header;
  header.correlation_id = in.Int32();
  if (in.ok() && header_version >= 1) DecodeTags(in, header.unknown_tagged_fields);
  if (!in.ok()) return in.status();
  return header;
}

}  // namespace soliton::kafka

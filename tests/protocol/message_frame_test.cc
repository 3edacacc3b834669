// Headers: which version goes with what, and whole frames.
#include "protocol/wire/message_frame.h"

#include <gtest/gtest.h>

#include <string>

#include "protocol/messages/api_versions.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"
#include "protocol/messages/sasl_handshake.h"

namespace soliton::kafka {
namespace {

TEST(Api, Table) {
  const ApiInfo* fetch = FindApi(1);
  ASSERT_NE(fetch, nullptr);
  EXPECT_EQ(fetch->name, "Fetch");
  EXPECT_EQ(fetch->min_version, 4);
  EXPECT_EQ(fetch->max_version, 18);
  EXPECT_EQ(fetch->first_flexible_version, 12);
  EXPECT_EQ(FindApi(4), nullptr);
  EXPECT_EQ(FindApi(-1), nullptr);
  EXPECT_EQ(FindApi(32767), nullptr);
  EXPECT_EQ(ApiName(4), "unknown");
  EXPECT_EQ(static_cast<int16_t>(ApiKey::kCreateTopics), 19);
}

TEST(Api, HeaderVersions) {
  EXPECT_EQ(RequestHeaderVersion(0, 8), 1);
  EXPECT_EQ(RequestHeaderVersion(0, 9), 2);
  EXPECT_EQ(ResponseHeaderVersion(0, 8), 0);
  EXPECT_EQ(ResponseHeaderVersion(0, 9), 1);
  // ApiVersions: the request header is flexible from 3 on, also in versions we do not have; the
  // response header never is.
  EXPECT_EQ(RequestHeaderVersion(18, 2), 1);
  EXPECT_EQ(RequestHeaderVersion(18, 3), 2);
  EXPECT_EQ(RequestHeaderVersion(18, 99), 2);
  EXPECT_EQ(ResponseHeaderVersion(18, 0), 0);
  EXPECT_EQ(ResponseHeaderVersion(18, 4), 0);
  // SaslHandshake and OffsetDelete never are flexible.
  EXPECT_EQ(RequestHeaderVersion(17, 1), 1);
  EXPECT_EQ(ResponseHeaderVersion(47, 0), 0);
  EXPECT_EQ(RequestHeaderVersion(4711, 3), 1);
}

TEST(RequestHeader, ClientIdKeepsItsShortLengthInFlexibleVersions) {
  const RequestHeader header{
      .api_key = 18, .api_version = 3, .correlation_id = 5, .client_id = "me"};
  Encoder out;
  header.Write(out);
  const Buffer bytes = out.Finish().Flatten().value();
  EXPECT_EQ(bytes.view(), std::string_view("\0\x12\0\x03\0\0\0\x05\0\x02me\0", 13));
  Decoder in(bytes);
  const auto decoded = DecodeRequestHeader(in);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, header);
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(RequestHeader, NullClientIdIsEmpty) {
  Decoder in(Buffer::CopyOf(std::string_view("\0\x03\0\0\0\0\0\x07\xFF\xFF", 10)));
  const auto header = DecodeRequestHeader(in);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->client_id, "");
  EXPECT_EQ(header->correlation_id, 7);
}

TEST(RequestHeader, UnknownKeysAndVersionsCanStillBeRead) {
  const RequestHeader header{
      .api_key = 4711, .api_version = -3, .correlation_id = 1, .client_id = "x"};
  Encoder out;
  header.Write(out);
  Decoder in(out.Finish().Flatten().value());
  const auto decoded = DecodeRequestHeader(in);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, header);
}

TEST(RequestHeader, EveryTruncationIsAnError) {
  RequestHeader header{.api_key = 0, .api_version = 9, .correlation_id = 1, .client_id = "client"};
  header.unknown_tagged_fields.push_back({3, Buffer::CopyOf(std::string_view("abc"))});
  Encoder out;
  header.Write(out);
  const Buffer bytes = out.Finish().Flatten().value();
  for (size_t length = 0; length < bytes.size(); ++length) {
    Decoder in(bytes.Slice(0, length));
    EXPECT_FALSE(DecodeRequestHeader(in).ok()) << length;
  }
}

TEST(MessageFrame, RequestIsHeaderAndBodyInOneAllocation) {
  MetadataRequest request;
  request.topics.emplace().emplace_back().name = "orders";
  const RequestHeader header{.api_key = 3, .api_version = 9, .correlation_id = 2, .client_id = "c"};
  const BufferChain frame = EncodeRequest(header, request);
  EXPECT_EQ(frame.pieces().size(), 1u);
  Decoder in(frame.Flatten().value());
  const auto decoded_header = DecodeRequestHeader(in);
  ASSERT_TRUE(decoded_header.ok());
  EXPECT_EQ(*decoded_header, header);
  const auto body = MetadataRequest::Decode(in, decoded_header->api_version);
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ(*body, request);
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(MessageFrame, ApiVersionsResponseHasNoTagsInItsHeader) {
  ApiVersionsResponse response;
  response.api_keys.push_back({.api_key = 18, .min_version = 0, .max_version = 4});
  for (const int16_t version : {int16_t{0}, int16_t{3}, int16_t{4}}) {
    const Buffer frame = EncodeResponse(77, version, response).Flatten().value();
    EXPECT_EQ(frame.size(), 4 + response.EncodedSize(version));
    const auto decoded = DecodeResponse<ApiVersionsResponse>(frame, version, 77);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, response);
  }
  const Buffer metadata = EncodeResponse(77, 9, MetadataResponse()).Flatten().value();
  EXPECT_EQ(metadata.size(), 5 + MetadataResponse().EncodedSize(9));
}

// What a client that asks for too new a version gets: the version 0 body, readable by everybody.
TEST(MessageFrame, ApiVersionsFallbackIsVersionZero) {
  ApiVersionsResponse response;
  response.error_code = ErrorCode::UNSUPPORTED_VERSION;
  response.api_keys.push_back({.api_key = 18, .min_version = 0, .max_version = 4});
  const Buffer frame = EncodeResponse(1, 0, response).Flatten().value();
  EXPECT_EQ(frame.view(),
            std::string_view("\0\0\0\x01"  // correlation id, nothing else in the header
                             "\0\x23"      // 35
                             "\0\0\0\x01"  // one key
                             "\0\x12\0\0\0\x04",
                             16));
}

TEST(MessageFrame, AForeignCorrelationIdIsAnError) {
  const Buffer frame = EncodeResponse(8, 1, SaslHandshakeResponse()).Flatten().value();
  EXPECT_TRUE(DecodeResponse<SaslHandshakeResponse>(frame, 1, 8).ok());
  EXPECT_FALSE(DecodeResponse<SaslHandshakeResponse>(frame, 1, 9).ok());
}

TEST(MessageFrame, BytesBehindTheBodyAreIgnored) {
  std::string bytes(EncodeResponse(8, 1, SaslHandshakeResponse()).Flatten().value().view());
  bytes += "trailing";
  EXPECT_TRUE(DecodeResponse<SaslHandshakeResponse>(Buffer::CopyOf(bytes), 1, 8).ok());
}

}  // namespace
}  // namespace soliton::kafka

// Our codec against bytes that Apache Kafka's own classes wrote.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <set>
#include <string>

#include "protocol/wire/request_header.h"
#include "tests/protocol/message_registry.h"
#include "tests/protocol/wire_vectors.h"

namespace soliton::kafka {
namespace {

void CheckMessage(const WireVector& vector, const MessageType& type) {
  Decoder in(vector.bytes);
  const auto decoded = type.decode(in, vector.version);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(in.remaining(), 0u);
  EXPECT_EQ((*decoded)->EncodedSize(vector.version), vector.bytes.size());
  EXPECT_EQ((*decoded)->Bytes(vector.version), vector.bytes) << (*decoded)->ToString();

  const auto expected = type.from_json(vector.json);
  ASSERT_TRUE(expected.ok()) << expected.status();
  if (vector.instance == "unknown-tags") {
    EXPECT_FALSE((*expected)->Equals(**decoded)) << "the unknown tags were lost";
    return;
  }
  EXPECT_TRUE((*expected)->Equals(**decoded))
      << "ours:     " << (*decoded)->ToString() << "\nexpected: " << (*expected)->ToString();
  EXPECT_EQ((*expected)->Bytes(vector.version), vector.bytes);
}

TEST(WireVectors, MessagesInBothDirections) {
  std::map<std::string_view, std::set<int16_t>> seen;
  int checked = 0;
  ForEachWireVector([&](const WireVector& vector) {
    if (vector.kind == "header" || vector.kind == "batch") return;
    SCOPED_TRACE(vector.Title());
    const MessageType* type = FindMessageType(vector.name);
    ASSERT_NE(type, nullptr);
    EXPECT_EQ(type->key, vector.key);
    CheckMessage(vector, *type);
    seen[type->name].insert(vector.version);
    ++checked;
  });
  // 3978 requests and responses, 109 of data, 138 keys and 214 values of internal topics.
  EXPECT_EQ(checked, 3978 + 109 + 138 + 214);
  for (const MessageType& type : AllMessageTypes()) {
    for (int16_t version = type.min_version; version <= type.max_version; ++version) {
      // Versions that Kafka lists but does not serve.
      if (type.name.starts_with("Produce") && version < 3) continue;
      // Records of __share_group_state are not among the vectors.
      if (type.name.starts_with("ShareSnapshot") || type.name.starts_with("ShareUpdate")) continue;
      EXPECT_TRUE(seen[type.name].contains(version)) << type.name << " v" << version;
    }
  }
}

template <class Header>
Buffer HeaderBytes(const Header& header, int16_t version) {
  Encoder out;
  header.Write(out, version);
  return out.Finish().Flatten().value();
}

TEST(WireVectors, Headers) {
  int checked = 0;
  ForEachWireVector([&](const WireVector& vector) {
    if (vector.kind != "header") return;
    SCOPED_TRACE(vector.Title());
    ++checked;
    Decoder in(vector.bytes);
    const boost::json::object& json = vector.json.as_object();
    if (vector.name == "ResponseHeader") {
      const auto header = DecodeResponseHeader(in, vector.version);
      ASSERT_TRUE(header.ok()) << header.status();
      EXPECT_EQ(header->correlation_id, json.at("correlationId").as_int64());
      EXPECT_EQ(HeaderBytes(*header, vector.version), vector.bytes);
      return;
    }
    const auto header = DecodeRequestHeader(in, vector.version);
    ASSERT_TRUE(header.ok()) << header.status();
    EXPECT_EQ(in.remaining(), 0u);
    EXPECT_EQ(header->api_key, json.at("requestApiKey").as_int64());
    EXPECT_EQ(header->api_version, json.at("requestApiVersion").as_int64());
    EXPECT_EQ(header->correlation_id, json.at("correlationId").as_int64());
    if (json.at("clientId").is_null()) {
      EXPECT_EQ(header->client_id, "");  // and is written as an empty one
    } else {
      EXPECT_EQ(header->client_id, std::string(json.at("clientId").as_string().c_str()));
      EXPECT_EQ(HeaderBytes(*header, vector.version), vector.bytes);
    }
  });
  EXPECT_GT(checked, 20);
}

}  // namespace
}  // namespace soliton::kafka

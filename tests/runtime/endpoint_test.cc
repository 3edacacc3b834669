#include <gtest/gtest.h>

#include "runtime/net/transport.h"

namespace soliton {
namespace {

TEST(EndpointTest, Parse) {
  EXPECT_EQ(*ParseEndpoint("localhost:9092"), (Endpoint{"localhost", 9092}));
  EXPECT_EQ(*ParseEndpoint("broker-1.example.org:65535"),
            (Endpoint{"broker-1.example.org", 65535}));
  EXPECT_EQ(*ParseEndpoint("127.0.0.1:0"), (Endpoint{"127.0.0.1", 0}));
  EXPECT_EQ(*ParseEndpoint("[::1]:9092"), (Endpoint{"::1", 9092}));
  EXPECT_EQ(*ParseEndpoint("host", 9092), (Endpoint{"host", 9092}));
  EXPECT_EQ(*ParseEndpoint("[fe80::1%eth0]", 9092), (Endpoint{"fe80::1%eth0", 9092}));
}

TEST(EndpointTest, Malformed) {
  for (std::string_view text :
       {"", ":9092", "host", "host:", "host:x", "host:65536", "host:-1", "host:9092x", "::1",
        "::1:9092", "[::1", "[::1]9092", "[]:1", "kafka://host:9092", "a b:1", "host:1,other:2"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseEndpoint(text).status())) << text;
  }
}

TEST(EndpointTest, TextRoundTrip) {
  for (const Endpoint& endpoint : {Endpoint{"a", 1}, Endpoint{"::1", 9092}}) {
    EXPECT_EQ(*ParseEndpoint(endpoint.ToString()), endpoint);
  }
  EXPECT_EQ((Endpoint{"::1", 9092}).ToString(), "[::1]:9092");
}

}  // namespace
}  // namespace soliton

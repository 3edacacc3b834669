#include "config/listener.h"

#include <gtest/gtest.h>

namespace soliton::config {
namespace {

TEST(Listener, Good) {
  struct Case {
    const char* text;
    NamedEndpoint expected;
  };
  const Case kCases[] = {
      {"PLAINTEXT://127.0.0.1:9092", {"PLAINTEXT", {"127.0.0.1", 9092}}},
      {"PLAINTEXT://:9092", {"PLAINTEXT", {"", 9092}}},
      {"controller://host-1.example:1", {"CONTROLLER", {"host-1.example", 1}}},
      {"localhost:9092", {"PLAINTEXT", {"localhost", 9092}}},
      {"A_B-1://[::1]:9092", {"A_B-1", {"::1", 9092}}},
      {"PLAINTEXT://127.0.0.1:0", {"PLAINTEXT", {"127.0.0.1", 0}}},
      {"PLAINTEXT://:0", {"PLAINTEXT", {"", 0}}},
  };
  for (const Case& c : kCases) {
    const absl::StatusOr<NamedEndpoint> listener = ParseListener(c.text);
    ASSERT_TRUE(listener.ok()) << c.text << ": " << listener.status();
    EXPECT_EQ(*listener, c.expected) << c.text;
  }
}

TEST(Listener, Bad) {
  for (const char* text :
       {"", "PLAINTEXT://", "PLAINTEXT://host", "://host:1", "A B://host:1", "X://host:99999",
        "X://:70000", "X://:-1", "X://host:port", "X://:", "X://a:1:2"}) {
    EXPECT_FALSE(ParseListener(text).ok()) << text;
  }
}

TEST(Listener, ToStringIsReadBack) {
  for (const char* text : {"PLAINTEXT://:9092", "X://h:1", "X://[::1]:5"}) {
    EXPECT_EQ(ParseListener(text)->ToString(), text);
  }
}

TEST(Voter, GoodAndBad) {
  const absl::StatusOr<Voter> voter = ParseVoter("100@127.0.0.1:19100");
  ASSERT_TRUE(voter.ok()) << voter.status();
  EXPECT_EQ(voter->node_id, 100);
  EXPECT_EQ(voter->endpoint, (Endpoint{"127.0.0.1", 19100}));
  for (const char* text : {"", "@h:1", "1@", "1@h", "x@h:1", "-1@h:1", "h:1", "4294967296@h:1"}) {
    EXPECT_FALSE(ParseVoter(text).ok()) << text;
  }
}

TEST(SplitList, DropsBlanksAndEmptyParts) {
  EXPECT_EQ(SplitList(" a , b,,c "), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(SplitList(" , ").empty());
}

}  // namespace
}  // namespace soliton::config

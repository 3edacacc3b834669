#include "protocol/wire/error_code.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace soliton::kafka {
namespace {

TEST(ErrorCode, NamesAndRetriability) {
  EXPECT_EQ(ErrorName(ErrorCode::NOT_LEADER_OR_FOLLOWER), "NOT_LEADER_OR_FOLLOWER");
  EXPECT_EQ(static_cast<int>(ErrorCode::UNSUPPORTED_VERSION), 35);
  EXPECT_EQ(static_cast<int>(ErrorCode::UNKNOWN_TOPIC_ID), 100);
  EXPECT_EQ(static_cast<int>(ErrorCode::REBOOTSTRAP_REQUIRED), 129);
  EXPECT_TRUE(IsRetriable(ErrorCode::NOT_LEADER_OR_FOLLOWER));
  EXPECT_TRUE(IsRetriable(ErrorCode::FENCED_LEADER_EPOCH));
  EXPECT_FALSE(IsRetriable(ErrorCode::NONE));
  EXPECT_FALSE(IsRetriable(ErrorCode::MESSAGE_TOO_LARGE));
  EXPECT_FALSE(IsRetriable(ErrorCode::INVALID_PRODUCER_EPOCH));
}

TEST(ErrorCode, CodesOfNewerPeers) {
  const auto future = static_cast<ErrorCode>(9999);
  EXPECT_EQ(ErrorName(future), "ERROR_9999");
  EXPECT_FALSE(IsRetriable(future));
  EXPECT_FALSE(ErrorText(future).empty());
  EXPECT_EQ(ErrorName(static_cast<ErrorCode>(-2)), "ERROR_-2");
}

TEST(ErrorCode, EveryNameIsUniqueAndFoundAgain) {
  std::set<std::string> names;
  for (int16_t code = -1; code <= 133; ++code) {
    const std::string name = ErrorName(static_cast<ErrorCode>(code));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(ErrorFromName(name), static_cast<ErrorCode>(code));
    EXPECT_FALSE(ErrorText(static_cast<ErrorCode>(code)).empty()) << name;
  }
  EXPECT_EQ(ErrorFromName("NO_SUCH_ERROR"), std::nullopt);
}

}  // namespace
}  // namespace soliton::kafka

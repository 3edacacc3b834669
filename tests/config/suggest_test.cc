#include "config/suggest.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/base/random.h"

namespace soliton::config {
namespace {

TEST(EditDistance, CountsEachKindOfMistakeOnce) {
  EXPECT_EQ(EditDistance("", ""), 0);
  EXPECT_EQ(EditDistance("", "abc"), 3);
  EXPECT_EQ(EditDistance("topic", "topic"), 0);
  EXPECT_EQ(EditDistance("topc", "topic"), 1);
  EXPECT_EQ(EditDistance("topicc", "topic"), 1);
  EXPECT_EQ(EditDistance("tipic", "topic"), 1);
  EXPECT_EQ(EditDistance("craete", "create"), 1);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
}

TEST(EditDistance, IsSymmetric) {
  EXPECT_EQ(EditDistance("log.dirs", "log.level"), EditDistance("log.level", "log.dirs"));
}

TEST(Suggest, ClosestFirstThenTheOrderGiven) {
  const std::vector<std::string> names = {"describe", "delete", "list", "create"};
  EXPECT_EQ(Suggest("craete", names), (std::vector<std::string>{"create"}));
  EXPECT_EQ(Suggest("DELETE", names), (std::vector<std::string>{"delete"}));
  EXPECT_TRUE(Suggest("produce", names).empty());
  EXPECT_EQ(Suggest("aab", {"aaa", "aac", "aad"}, 2), (std::vector<std::string>{"aaa", "aac"}));
}

TEST(Suggest, ShortWordsNeedToBeVeryClose) {
  EXPECT_TRUE(Suggest("abc", {"xyc"}).empty());
  EXPECT_EQ(Suggest("abc", {"abd"}), std::vector<std::string>{"abd"});
}

// The search gives up early on what is too far away, and on nothing else.
TEST(Suggest, FindsWhateverIsCloseEnough) {
  Random random(1);
  const auto word = [&random](size_t length) {
    std::string text;
    while (text.size() < length) text += static_cast<char>('a' + random.Below(3));
    return text;
  };
  int close = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string wanted = word(4 + random.Below(12)), candidate = word(1 + random.Below(16));
    const int bound = std::max<int>(2, static_cast<int>(wanted.size()) / 4);
    const bool expected = EditDistance(wanted, candidate) <= bound;
    close += expected;
    ASSERT_EQ(!Suggest(wanted, {candidate}).empty(), expected) << wanted << " " << candidate;
  }
  EXPECT_GT(close, 100);
}

TEST(DidYouMean, Sentences) {
  EXPECT_EQ(DidYouMean({}), "");
  EXPECT_EQ(DidYouMean({"a"}), "did you mean 'a'?");
  EXPECT_EQ(DidYouMean({"a", "b"}), "did you mean 'a' or 'b'?");
  EXPECT_EQ(DidYouMean({"a", "b", "c"}), "did you mean 'a', 'b' or 'c'?");
}

}  // namespace
}  // namespace soliton::config

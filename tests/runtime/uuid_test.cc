#include "runtime/base/uuid.h"

#include <gtest/gtest.h>

namespace soliton {
namespace {

TEST(UuidTest, RoundTrip) {
  Random random(1);
  for (int i = 0; i < 10'000; ++i) {
    const Uuid id = Uuid::Generate(random);
    const std::string text = id.ToString();
    ASSERT_EQ(text.size(), 22u);
    ASSERT_NE(text[0], '-');
    ASSERT_FALSE(id.is_zero());
    ASSERT_EQ((id.high >> 12) & 0xF, 4u);
    ASSERT_EQ(id.low >> 62, 2u);
    ASSERT_EQ(Uuid::Parse(text), id);
  }
}

TEST(UuidTest, KnownTexts) {
  EXPECT_EQ(Uuid().ToString(), "AAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_EQ((Uuid{0, 1}).ToString(), "AAAAAAAAAAAAAAAAAAAAAQ");
  EXPECT_EQ((Uuid{~0ull, ~0ull}).ToString(), "_____________________w");
  EXPECT_EQ(Uuid::Parse("AAAAAAAAAAAAAAAAAAAAAQ"), (Uuid{0, 1}));
}

TEST(UuidTest, MalformedTexts) {
  for (std::string_view text : {"", "AAAA", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA",
                                "AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAA AAAAAAAAAAA",
                                "AAAAAAAAAA+AAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA==",
                                // The unused bits of the last character are set.
                                "AAAAAAAAAAAAAAAAAAAAAB"}) {
    EXPECT_EQ(Uuid::Parse(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace soliton

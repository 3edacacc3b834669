#include "runtime/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace soliton {
namespace {

TEST(RandomTest, SameSeedSameSequence) {
  Random a(7), b(7), c(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = a.Next();
    EXPECT_EQ(value, b.Next());
    differs |= value != c.Next();
  }
  EXPECT_TRUE(differs);
}

// The first outputs of the reference implementation of xoshiro256** for the state that splitmix64
// makes from seed 0; pins the sequence, on which the replay of recorded seeds depends.
TEST(RandomTest, SequenceIsPinned) {
  Random random(0);
  EXPECT_EQ(random.Next(), 0x99EC5F36CB75F2B4ull);
  EXPECT_EQ(random.Next(), 0xBF6E1F784956452Aull);
  EXPECT_EQ(random.Next(), 0x1A5F849D4933E6E0ull);
}

TEST(RandomTest, BelowIsUniform) {
  Random random(3);
  std::array<int, 7> counts{};
  constexpr int kDraws = 70'000;
  for (int i = 0; i < kDraws; ++i) ++counts[random.Below(counts.size())];
  // Chi-square with 6 degrees of freedom: 22.46 is the 0.1 % point.
  double chi_square = 0;
  for (int count : counts) chi_square += (count - 10'000.0) * (count - 10'000.0) / 10'000.0;
  EXPECT_LT(chi_square, 22.46);
}

TEST(RandomTest, BetweenIncludesBothEnds) {
  Random random(4);
  std::array<bool, 5> seen{};
  for (int i = 0; i < 1000; ++i) {
    const int64_t value = random.Between(-2, 2);
    ASSERT_GE(value, -2);
    ASSERT_LE(value, 2);
    seen[static_cast<size_t>(value + 2)] = true;
  }
  for (bool hit : seen) EXPECT_TRUE(hit);
  EXPECT_EQ(random.Between(5, 5), 5);
  (void)random.Between(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
}

TEST(RandomTest, ChanceAtItsEnds) {
  Random random(5);
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(random.Chance(0, 10));
    EXPECT_TRUE(random.Chance(10, 10));
  }
}

TEST(RandomDeathTest, BelowZeroIsABug) {
  Random random(6);
  EXPECT_DEATH((void)random.Below(0), "random number below 0");
}

}  // namespace
}  // namespace soliton

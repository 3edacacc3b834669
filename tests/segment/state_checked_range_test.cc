#include "segment/checked_range.h"

#include <gtest/gtest.h>

#include <vector>

#include "runtime/base/random.h"

namespace soliton::segment {
namespace {

TEST(CheckedRangeTest, OneThatReadsOnIsCheckedOnce) {
  CheckedRange range(100);
  EXPECT_EQ(range.Unchecked(0, 40).to, 40);
  range.Checked({0, 40});
  EXPECT_TRUE(range.Unchecked(0, 40).empty());
  EXPECT_EQ(range.Unchecked(20, 60).from, 40);
  range.Checked({40, 60});
  EXPECT_EQ(range.Unchecked(60, 500).to, 100) << "what was written here is known";
  range.Checked({60, 100});
  EXPECT_TRUE(range.Unchecked(0, 500).empty());
}

TEST(CheckedRangeTest, WhatIsWrittenBehindACutIsKnown) {
  CheckedRange range(100);
  range.Cut(30);
  EXPECT_TRUE(range.Unchecked(30, 200).empty());
  EXPECT_EQ(range.Unchecked(10, 200).to, 30);
}

// Against a list of all bytes: nothing is passed over that nobody looked at.
TEST(CheckedRangeTest, NothingUnknownIsServed) {
  Random random(7);
  for (int round = 0; round < 300; ++round) {
    const int64_t size = random.Between(0, 50);
    CheckedRange range(size);
    std::vector<bool> known(100, false);
    for (int64_t at = size; at < 100; ++at) known[static_cast<size_t>(at)] = true;
    for (int step = 0; step < 40; ++step) {
      if (random.Chance(1, 15)) {
        const int64_t cut = random.Between(0, 60);
        range.Cut(cut);
        for (int64_t at = cut; at < 100; ++at) known[static_cast<size_t>(at)] = true;
      }
      const int64_t from = random.Between(0, 99);
      const int64_t to = random.Between(from, 99);
      const CheckedRange::Piece piece = range.Unchecked(from, to);
      for (int64_t at = from; at < to; ++at) {
        EXPECT_TRUE(known[static_cast<size_t>(at)] || (at >= piece.from && at < piece.to)) << at;
      }
      if (piece.empty()) continue;
      for (int64_t at = piece.from; at < piece.to; ++at) known[static_cast<size_t>(at)] = true;
      range.Checked(piece);
    }
  }
}

}  // namespace
}  // namespace soliton::segment

#include "protocol/record/varint.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "runtime/base/random.h"

namespace soliton::kafka {
namespace {

TEST(RecordVarint, KnownBytes) {
  const struct {
    int64_t value;
    std::vector<uint8_t> bytes;
  } kCases[] = {
      {0, {0}},
      {-1, {1}},
      {1, {2}},
      {-64, {0x7f}},
      {64, {0x80, 0x01}},
      {300, {0xd8, 0x04}},
      {std::numeric_limits<int32_t>::max(), {0xfe, 0xff, 0xff, 0xff, 0x0f}},
      {std::numeric_limits<int32_t>::min(), {0xff, 0xff, 0xff, 0xff, 0x0f}},
  };
  for (const auto& [value, bytes] : kCases) {
    uint8_t out[kMaxVarlongBytes];
    EXPECT_EQ(std::vector<uint8_t>(out, EncodeVarlong(out, value)), bytes);
    EXPECT_EQ(std::vector<uint8_t>(out, EncodeVarint(out, static_cast<int32_t>(value))), bytes);
    EXPECT_EQ(VarlongSize(value), bytes.size());
    int32_t narrow = 0;
    EXPECT_EQ(DecodeVarint(bytes.data(), bytes.data() + bytes.size(), narrow),
              bytes.data() + bytes.size());
    EXPECT_EQ(narrow, value);
  }
}

TEST(RecordVarint, RoundTripsAndRejectsEveryPrefix) {
  Random random(1);
  for (int i = 0; i < 20000; ++i) {
    const auto value =
        static_cast<int64_t>(random.Next() >> random.Below(64)) * (random.Chance(1, 2) ? 1 : -1);
    uint8_t bytes[kMaxVarlongBytes];
    const uint8_t* end = EncodeVarlong(bytes, value);
    ASSERT_EQ(static_cast<size_t>(end - bytes), VarlongSize(value));
    int64_t decoded = 0;
    ASSERT_EQ(DecodeVarlong(bytes, end, decoded), end);
    ASSERT_EQ(decoded, value);
    for (const uint8_t* cut = bytes; cut < end; ++cut) {
      ASSERT_EQ(DecodeVarlong(bytes, cut, decoded), nullptr);
    }
    const auto narrow = static_cast<int32_t>(value);
    end = EncodeVarint(bytes, narrow);
    int32_t decoded_narrow = 0;
    ASSERT_EQ(DecodeVarint(bytes, end, decoded_narrow), end);
    ASSERT_EQ(decoded_narrow, narrow);
    ASSERT_EQ(static_cast<size_t>(end - bytes), VarintSize(narrow));
  }
}

TEST(RecordVarint, RejectsOverflow) {
  const std::vector<uint8_t> too_big_32 = {0xff, 0xff, 0xff, 0xff, 0x10};
  const std::vector<uint8_t> too_long_32 = {0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
  const std::vector<uint8_t> too_big_64 = {0xff, 0xff, 0xff, 0xff, 0xff,
                                           0xff, 0xff, 0xff, 0xff, 0x02};
  int32_t narrow = 0;
  int64_t wide = 0;
  EXPECT_EQ(DecodeVarint(too_big_32.data(), too_big_32.data() + 5, narrow), nullptr);
  EXPECT_EQ(DecodeVarint(too_long_32.data(), too_long_32.data() + 6, narrow), nullptr);
  EXPECT_EQ(DecodeVarlong(too_big_64.data(), too_big_64.data() + 10, wide), nullptr);
}

}  // namespace
}  // namespace soliton::kafka

#include "runtime/base/crc32c.h"

#include <gtest/gtest.h>

#include "runtime/base/random.h"

namespace soliton {
namespace {

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(Crc32cTest, KnownValues) {
  EXPECT_EQ(Crc32c(Bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(Crc32cTable(Bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(Crc32c({}), 0u);
  EXPECT_EQ(Crc32cTable({}), 0u);
  // RFC 3720, B.4: 32 bytes of zero, 32 bytes of ones.
  EXPECT_EQ(Crc32c(std::vector<uint8_t>(32, 0x00)), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(std::vector<uint8_t>(32, 0xFF)), 0x62A8AB43u);
}

TEST(Crc32cTest, HardwareEqualsTableAtEveryShortLengthAndAlignment) {
  Random random(1);
  std::vector<uint8_t> bytes(600);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next());
  for (size_t offset = 0; offset < 17; ++offset) {
    for (size_t length = 0; length + offset <= bytes.size(); ++length) {
      const auto part = std::span(bytes).subspan(offset, length);
      ASSERT_EQ(Crc32c(part), Crc32cTable(part)) << "offset " << offset << " length " << length;
    }
  }
}

TEST(Crc32cTest, HardwareEqualsTableAtRandomLongLengthsAndSplits) {
  Random random(2);
  std::vector<uint8_t> bytes(300'000);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next());
  for (int round = 0; round < 100; ++round) {
    const size_t length = random.Below(bytes.size() + 1);
    const size_t split = random.Below(length + 1);
    const auto whole = std::span(bytes).first(length);
    const uint32_t expected = Crc32cTable(whole);
    ASSERT_EQ(Crc32c(whole), expected) << "length " << length;
    const uint32_t head = Crc32c(whole.first(split));
    ASSERT_EQ(Crc32c(whole.subspan(split), head), expected) << "split at " << split;
    ASSERT_EQ(Crc32cTable(whole.subspan(split), Crc32cTable(whole.first(split))), expected);
  }
}

TEST(Crc32cTest, EverySingleBitFlipIsSeen) {
  std::vector<uint8_t> bytes(64, 0x5A);
  const uint32_t intact = Crc32c(bytes);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_NE(Crc32c(bytes), intact);
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
  }
}

}  // namespace
}  // namespace soliton

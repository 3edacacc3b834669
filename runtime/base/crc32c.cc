#include "runtime/base/crc32c.h"

#include <isa-l.h>

#include <algorithm>
#include <array>

namespace soliton {
namespace {

// The Castagnoli polynomial, bit-reversed.
constexpr uint32_t kPolynomial = 0x82F63B78;

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
    }
    table[i] = value;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

// ISA-L takes its length as int.
constexpr size_t kMaxStepBytes = size_t{1} << 30;

}  // namespace

// crc32_iscsi works on the bare register; the standard inverts it before the first and after the
// last byte.
uint32_t Crc32c(std::span<const uint8_t> bytes, uint32_t crc) {
  uint32_t state = ~crc;
  while (!bytes.empty()) {
    const size_t step = std::min(bytes.size(), kMaxStepBytes);
    // The signature lacks a const that the function honours.
    state = crc32_iscsi(const_cast<uint8_t*>(bytes.data()), static_cast<int>(step), state);
    bytes = bytes.subspan(step);
  }
  return ~state;
}

uint32_t Crc32cTable(std::span<const uint8_t> bytes, uint32_t crc) {
  uint32_t state = ~crc;
  for (uint8_t byte : bytes) state = kTable[(state ^ byte) & 0xFF] ^ (state >> 8);
  return ~state;
}

}  // namespace soliton

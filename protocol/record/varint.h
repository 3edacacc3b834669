// Zig-zag varints of the record format v2 (the same bytes as Protobuf's sint32/sint64).
// Protocol-level varints are unsigned and live in protocol/wire. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace soliton::kafka {

inline constexpr size_t kMaxVarintBytes = 5;
inline constexpr size_t kMaxVarlongBytes = 10;

constexpr uint32_t ZigZag(int32_t value) {
  return (static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31);
}
constexpr uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
constexpr int32_t UnZigZag(uint32_t value) {
  return static_cast<int32_t>((value >> 1) ^ (~(value & 1) + 1));
}
constexpr int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

constexpr size_t UnsignedVarintSize(uint64_t value) {
  size_t size_bytes = 1;
  for (; value >= 0x80; value >>= 7) ++size_bytes;
  return size_bytes;
}
constexpr size_t VarintSize(int32_t value) { return UnsignedVarintSize(ZigZag(value)); }
constexpr size_t VarlongSize(int64_t value) { return UnsignedVarintSize(ZigZag(value)); }

// Writes at `to`, which must have room for kMaxVarintBytes (kMaxVarlongBytes); returns the end.
inline uint8_t* EncodeVarlong(uint8_t* to, int64_t value) {
  uint64_t rest = ZigZag(value);
  for (; rest >= 0x80; rest >>= 7) *to++ = static_cast<uint8_t>(rest | 0x80);
  *to++ = static_cast<uint8_t>(rest);
  return to;
}
inline uint8_t* EncodeVarint(uint8_t* to, int32_t value) {
  uint32_t rest = ZigZag(value);
  for (; rest >= 0x80; rest >>= 7) *to++ = static_cast<uint8_t>(rest | 0x80);
  *to++ = static_cast<uint8_t>(rest);
  return to;
}

namespace internal {

// Any length up to that of T. Out of line: the callers below take the common short ones.
template <typename T>
[[gnu::noinline]] const uint8_t* DecodeLongVarint(const uint8_t* from, const uint8_t* end,
                                                  T& value) {
  using Bits = std::make_unsigned_t<T>;
  constexpr int kValueBits = sizeof(T) * 8;
  constexpr int kLastShift = kValueBits / 7 * 7;
  Bits bits = 0;
  for (int shift = 0; shift <= kLastShift; shift += 7) {
    if (from == end) return nullptr;
    const uint8_t byte = *from++;
    if (shift == kLastShift && (byte >> (kValueBits - kLastShift)) != 0) return nullptr;
    bits |= static_cast<Bits>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = UnZigZag(bits);
      return from;
    }
  }
  return nullptr;
}

// Lengths, deltas and counts of usual records take one byte or two.
template <typename T>
inline const uint8_t* DecodeVarintOf(const uint8_t* from, const uint8_t* end, T& value) {
  using Bits = std::make_unsigned_t<T>;
  if (from != end && from[0] < 0x80) [[likely]] {
    value = UnZigZag(static_cast<Bits>(from[0]));
    return from + 1;
  }
  if (end - from >= 2 && from[1] < 0x80) [[likely]] {
    value = UnZigZag(static_cast<Bits>((from[0] & 0x7f) | (from[1] << 7)));
    return from + 2;
  }
  return DecodeLongVarint(from, end, value);
}

}  // namespace internal

// Reads one value from [from, end). Returns the byte after it, or nullptr when the bytes end too
// early or do not fit the type. Longer than minimal encodings are accepted, as every Kafka client
// does.
inline const uint8_t* DecodeVarint(const uint8_t* from, const uint8_t* end, int32_t& value) {
  return internal::DecodeVarintOf(from, end, value);
}
inline const uint8_t* DecodeVarlong(const uint8_t* from, const uint8_t* end, int64_t& value) {
  return internal::DecodeVarintOf(from, end, value);
}

}  // namespace soliton::kafka

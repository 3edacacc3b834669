// Takes a fuzzer's input apart: small numbers and pieces with a length in front. Reads past the end
// give zeros and empty pieces, so that every input means something.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

namespace soliton::fuzz {

class InputReader {
 public:
  InputReader(const uint8_t* data, size_t size) : rest_(data, size) {}

  bool empty() const { return rest_.empty(); }
  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  // Big endian.
  uint16_t Short() {
    const auto high = static_cast<uint16_t>(Byte() << 8);
    return static_cast<uint16_t>(high | Byte());
  }
  // A 16-bit length and so many bytes, or what is left of them.
  std::span<const uint8_t> Piece() {
    const size_t size = std::min<size_t>(Short(), rest_.size());
    const std::span<const uint8_t> piece = rest_.first(size);
    rest_ = rest_.subspan(size);
    return piece;
  }
  std::span<const uint8_t> Rest() {
    const std::span<const uint8_t> all = rest_;
    rest_ = {};
    return all;
  }

 private:
  std::span<const uint8_t> rest_;
};

inline std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace soliton::fuzz

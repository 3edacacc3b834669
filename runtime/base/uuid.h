// 128-bit identifier as Kafka writes it: 16 raw bytes on the wire, URL-safe base64 without padding
// (22 characters) in text. All zero means "none".
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/random.h"

namespace soliton {

struct Uuid {
  uint64_t high = 0;
  uint64_t low = 0;

  bool is_zero() const { return high == 0 && low == 0; }
  // Version-4 random id. Never zero, and its text never starts with '-' (awkward on a command
  // line).
  static Uuid Generate(Random& random);
  // From 22 characters of URL-safe base64; nullopt when malformed.
  static std::optional<Uuid> Parse(std::string_view text);
  std::string ToString() const;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Uuid& id) {
    return H::combine(std::move(h), id.high, id.low);
  }
};

}  // namespace soliton

#include "runtime/base/uuid.h"

#include "absl/strings/escaping.h"
#include "runtime/base/endian.h"

namespace soliton {
namespace {
constexpr size_t kRawBytes = 16;
constexpr size_t kTextChars = 22;
}  // namespace

Uuid Uuid::Generate(Random& random) {
  Uuid id;
  do {
    // Version 4, variant 1 (RFC 4122): these bits also keep the id from being zero.
    id.high = (random.Next() & ~0xF000ull) | 0x4000ull;
    id.low = (random.Next() & ~(3ull << 62)) | (2ull << 62);
  } while (id.high >> 58 == 62);  // 62 is '-' in URL-safe base64
  return id;
}

std::optional<Uuid> Uuid::Parse(std::string_view text) {
  if (text.size() != kTextChars) return std::nullopt;
  std::string raw;
  if (!absl::WebSafeBase64Unescape({text.data(), text.size()}, &raw) || raw.size() != kRawBytes) {
    return std::nullopt;
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(raw.data());
  Uuid id{LoadBigEndian<uint64_t>(bytes), LoadBigEndian<uint64_t>(bytes + 8)};
  // The last character carries 4 unused bits; one id has one text.
  if (id.ToString() != text) return std::nullopt;
  return id;
}

std::string Uuid::ToString() const {
  uint8_t raw[kRawBytes];
  StoreBigEndian(raw, high);
  StoreBigEndian(raw + 8, low);
  return absl::WebSafeBase64Escape({reinterpret_cast<const char*>(raw), kRawBytes});
}

}  // namespace soliton

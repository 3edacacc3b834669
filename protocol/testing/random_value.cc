#include "protocol/testing/random_value.h"

namespace soliton::kafka {

int64_t RandomInteger(Random& random, int64_t low, int64_t high) {
  switch (random.Below(4)) {
    case 0:
      return random.Chance(1, 2) ? low : high;
    case 1:
      return random.Between(low < 0 ? -1 : 0, 3);
    default:
      return random.Between(low, high);
  }
}

double RandomDouble(Random& random) {
  return static_cast<double>(random.Between(-1'000'000, 1'000'000)) / 64;
}

std::string RandomString(Random& random) {
  constexpr const char* kAlphabet[] = {"a", "Z", "0", "-", "_", ".", "é", "€", "\n", "\""};
  std::string text;
  for (uint64_t left = random.Below(12); left > 0; --left) {
    text += kAlphabet[random.Below(std::size(kAlphabet))];
  }
  // Long enough for a length of two bytes as a varint.
  if (random.Chance(1, 20)) text += std::string(200, 'x');
  return text;
}

Buffer RandomBytes(Random& random, size_t max_bytes) {
  Buffer bytes = Buffer::Allocate(random.Below(max_bytes + 1));
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes.mutable_data()[i] = static_cast<uint8_t>(random.Below(256));
  }
  return bytes;
}

void RandomRecords(Random& random, bool allow_null, Records& out) {
  if (allow_null && random.Chance(1, 4)) {
    out = Records();
    return;
  }
  out = Records(RandomBytes(random, random.Chance(1, 4) ? 3000 : 60));
}

void RandomTags(Random& random, std::vector<UnknownTaggedField>& out) {
  if (random.Chance(3, 4)) return;
  // Below 128, 2-byte and 5-byte tags; far from the ones of the schemas (0 to 5, and 10000).
  for (const uint32_t tag : {100u, 9999u, 10001u, 0xFFFFFFFFu}) {
    if (random.Chance(1, 3)) out.push_back({tag, RandomBytes(random, 9)});
  }
}

}  // namespace soliton::kafka

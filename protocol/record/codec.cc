#include "protocol/record/codec.h"

#include <array>

namespace soliton::kafka {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"none", "gzip",    "snappy",  "lz4",
                                                    "zstd", "codec 5", "codec 6", "codec 7"};

}  // namespace

std::string_view CodecName(Codec codec) { return kNames[static_cast<uint8_t>(codec) & 7]; }

std::optional<Codec> ParseCodec(std::string_view name) {
  if (name == "uncompressed") return Codec::kNone;
  for (uint8_t i = 0; i < kCodecCount; ++i) {
    if (kNames[i] == name) return static_cast<Codec>(i);
  }
  return std::nullopt;
}

}  // namespace soliton::kafka

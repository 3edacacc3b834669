// The compression codecs of a record batch: the low three attribute bits, and Kafka's
// `compression.type` names.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace soliton::kafka {

enum class Codec : uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

inline constexpr uint8_t kCodecCount = 5;

// "none", "gzip", "snappy", "lz4", "zstd"; "codec N" for numbers that no codec has.
std::string_view CodecName(Codec codec);

// The inverse; "uncompressed" also means kNone. nullopt for any other text.
std::optional<Codec> ParseCodec(std::string_view name);

}  // namespace soliton::kafka

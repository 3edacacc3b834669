// The framing that snappy-java puts around snappy blocks: a 16-byte header, then {int32 length, raw
// block} until the end. Internal to compression.cc and decompressor.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace soliton::kafka::xerial {

inline constexpr std::array<uint8_t, 8> kMagic = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
inline constexpr int32_t kVersion = 1;
inline constexpr size_t kVersionPosition = kMagic.size();
inline constexpr size_t kCompatiblePosition = kVersionPosition + 4;
inline constexpr size_t kHeaderBytes = kCompatiblePosition + 4;
inline constexpr size_t kLengthBytes = 4;
// Input bytes per block that we write, as snappy-java does.
inline constexpr size_t kBlockInputBytes = 32 * 1024;

}  // namespace soliton::kafka::xerial

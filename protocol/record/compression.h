// Whole-buffer compression and decompression of record payloads. Pure functions, any thread.
// What is written is what the Java client writes and reads: gzip stream; snappy in xerial framing
// (32 KiB chunks); lz4 frame with independent 64 KiB blocks; zstd frame. Reading: see
// decompressor.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "protocol/record/codec.h"
#include "runtime/base/buffer.h"

namespace soliton::kafka {

// nullopt = the codec's default (gzip 6, lz4 fast, zstd 3). Others are clamped to what the codec
// knows; snappy and none have no level.
using CompressionLevel = std::optional<int>;

// An upper bound of what Compress writes for `size_bytes` of input.
size_t CompressBound(Codec codec, size_t size_bytes);

// Compresses into `to`, which has at least CompressBound() bytes and does not overlap. Returns the
// size written.
size_t CompressTo(Codec codec, CompressionLevel level, std::span<const uint8_t> from,
                  std::span<uint8_t> to);

Buffer Compress(Codec codec, CompressionLevel level, std::span<const uint8_t> from);

// The whole decompressed payload. Never allocates more than about twice what it returns plus the
// decoder's own window. kDataLoss when `from` is not exactly one stream of the codec (or `codec` is
// no codec), kResourceExhausted when the output would exceed `max_output_bytes`.
absl::StatusOr<Buffer> Decompress(Codec codec, std::span<const uint8_t> from,
                                  size_t max_output_bytes);

}  // namespace soliton::kafka

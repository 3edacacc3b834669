#include "protocol/record/compression.h"

#include <fmt/format.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "protocol/record/decompressor.h"
#include "protocol/record/xerial.h"
#include "runtime/base/check.h"
#include "runtime/base/endian.h"

namespace soliton::kafka {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // 32 KiB window, gzip wrapper
constexpr int kGzipMemLevel = 8;
// Header and trailer of a gzip member without name or comment.
constexpr size_t kGzipWrapperBytes = 18;

size_t XerialBlocks(size_t size_bytes) {
  return (size_bytes + xerial::kBlockInputBytes - 1) / xerial::kBlockInputBytes;
}

size_t GzipTo(CompressionLevel level, std::span<const uint8_t> from, std::span<uint8_t> to) {
  z_stream stream{};
  const int gzip_level =
      std::clamp(level.value_or(Z_DEFAULT_COMPRESSION), Z_DEFAULT_COMPRESSION, Z_BEST_COMPRESSION);
  int rc = deflateInit2(&stream, gzip_level, Z_DEFLATED, kGzipWindowBits, kGzipMemLevel,
                        Z_DEFAULT_STRATEGY);
  CHECK(rc == Z_OK, "deflateInit2 returned {}", rc);
  stream.next_in = const_cast<Bytef*>(from.data());
  stream.avail_in = static_cast<uInt>(from.size());
  stream.next_out = to.data();
  stream.avail_out = static_cast<uInt>(to.size());
  rc = deflate(&stream, Z_FINISH);
  const size_t written_bytes = stream.total_out;
  deflateEnd(&stream);
  CHECK(rc == Z_STREAM_END, "deflate returned {} for {} bytes", rc, from.size());
  return written_bytes;
}

size_t SnappyTo(std::span<const uint8_t> from, std::span<uint8_t> to) {
  uint8_t* out = std::copy(xerial::kMagic.begin(), xerial::kMagic.end(), to.data());
  StoreBigEndian(out, xerial::kVersion);
  StoreBigEndian(out + 4, xerial::kVersion);
  out += 8;
  while (!from.empty()) {
    const size_t block_bytes = std::min(from.size(), xerial::kBlockInputBytes);
    size_t written_bytes = 0;
    snappy::RawCompress(reinterpret_cast<const char*>(from.data()), block_bytes,
                        reinterpret_cast<char*>(out + xerial::kLengthBytes), &written_bytes);
    StoreBigEndian(out, static_cast<int32_t>(written_bytes));
    out += xerial::kLengthBytes + written_bytes;
    from = from.subspan(block_bytes);
  }
  return static_cast<size_t>(out - to.data());
}

// Kafka's Java reader demands independent blocks; 64 KiB is what every client accepts.
LZ4F_preferences_t Lz4Preferences(CompressionLevel level) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.compressionLevel = std::clamp(level.value_or(0), 0, LZ4F_compressionLevel_max());
  return preferences;
}

size_t Lz4To(CompressionLevel level, std::span<const uint8_t> from, std::span<uint8_t> to) {
  const LZ4F_preferences_t preferences = Lz4Preferences(level);
  const size_t written_bytes =
      LZ4F_compressFrame(to.data(), to.size(), from.data(), from.size(), &preferences);
  CHECK(!LZ4F_isError(written_bytes), "lz4: {}", LZ4F_getErrorName(written_bytes));
  return written_bytes;
}

size_t ZstdTo(CompressionLevel level, std::span<const uint8_t> from, std::span<uint8_t> to) {
  const int zstd_level =
      std::clamp(level.value_or(ZSTD_CLEVEL_DEFAULT), ZSTD_minCLevel(), ZSTD_maxCLevel());
  const size_t written_bytes =
      ZSTD_compress(to.data(), to.size(), from.data(), from.size(), zstd_level);
  CHECK(!ZSTD_isError(written_bytes), "zstd: {}", ZSTD_getErrorName(written_bytes));
  return written_bytes;
}

}  // namespace

size_t CompressBound(Codec codec, size_t size_bytes) {
  switch (codec) {
    case Codec::kNone:
      return size_bytes;
    case Codec::kGzip:
      return compressBound(size_bytes) + kGzipWrapperBytes;
    case Codec::kSnappy:
      return xerial::kHeaderBytes +
             XerialBlocks(size_bytes) *
                 (xerial::kLengthBytes + snappy::MaxCompressedLength(xerial::kBlockInputBytes));
    case Codec::kLz4: {
      const LZ4F_preferences_t preferences = Lz4Preferences(std::nullopt);
      return LZ4F_compressFrameBound(size_bytes, &preferences);
    }
    case Codec::kZstd:
      return ZSTD_compressBound(size_bytes);
  }
  CheckFailed("known codec", __FILE__, __LINE__, CodecName(codec));
}

size_t CompressTo(Codec codec, CompressionLevel level, std::span<const uint8_t> from,
                  std::span<uint8_t> to) {
  CHECK(from.size() <= INT32_MAX, "{} bytes cannot be one batch", from.size());
  CHECK(to.size() >= CompressBound(codec, from.size()), "{} bytes are too few", to.size());
  switch (codec) {
    case Codec::kNone:
      std::copy(from.begin(), from.end(), to.begin());
      return from.size();
    case Codec::kGzip:
      return GzipTo(level, from, to);
    case Codec::kSnappy:
      return SnappyTo(from, to);
    case Codec::kLz4:
      return Lz4To(level, from, to);
    case Codec::kZstd:
      return ZstdTo(level, from, to);
  }
  CheckFailed("known codec", __FILE__, __LINE__, CodecName(codec));
}

Buffer Compress(Codec codec, CompressionLevel level, std::span<const uint8_t> from) {
  Buffer to = Buffer::Allocate(CompressBound(codec, from.size()));
  return to.Slice(0, CompressTo(codec, level, from, {to.mutable_data(), to.size()}));
}

absl::StatusOr<Buffer> Decompress(Codec codec, std::span<const uint8_t> from,
                                  size_t max_output_bytes) {
  absl::StatusOr<std::unique_ptr<Decompressor>> decompressor = Decompressor::Create(codec, from);
  if (!decompressor.ok()) return decompressor.status();
  // Most payloads expand two- to fourfold; the first guess also serves as the growth step's base.
  Buffer output = Buffer::Allocate(std::min(max_output_bytes, from.size() * 4));
  size_t used_bytes = 0;
  while (true) {
    absl::StatusOr<std::span<const uint8_t>> chunk = (*decompressor)->Next();
    if (!chunk.ok()) return chunk.status();
    if (chunk->empty()) return output.Slice(0, used_bytes);
    if (chunk->size() > max_output_bytes - used_bytes) {
      return absl::ResourceExhaustedError(fmt::format("{} bytes of {} expand to more than {} bytes",
                                                      from.size(), CodecName(codec),
                                                      max_output_bytes));
    }
    const size_t needed_bytes = used_bytes + chunk->size();
    if (needed_bytes > output.size()) {
      Buffer larger =
          Buffer::Allocate(std::min(max_output_bytes, std::max(needed_bytes, output.size() * 2)));
      if (used_bytes > 0) std::memcpy(larger.mutable_data(), output.data(), used_bytes);
      output = std::move(larger);
    }
    std::memcpy(output.mutable_data() + used_bytes, chunk->data(), chunk->size());
    used_bytes = needed_bytes;
  }
}

}  // namespace soliton::kafka

#include "protocol/record/decompressor.h"

#include <fmt/format.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "protocol/record/xerial.h"
#include "runtime/base/check.h"
#include "runtime/base/endian.h"

namespace soliton::kafka {
namespace {

using Chunk = absl::StatusOr<std::span<const uint8_t>>;

absl::Status Corrupt(Codec codec, std::string_view what) {
  return absl::DataLossError(fmt::format("{} payload: {}", CodecName(codec), what));
}

// Shared by the codecs whose library streams: a fixed output chunk, and a Fill() that says when the
// one stream has ended.
class Streaming : public Decompressor {
 public:
  Streaming(Codec codec, std::span<const uint8_t> from) : from_(from), codec_(codec) {}

  Chunk Next() final {
    if (!status_.ok()) return status_;
    size_t filled_bytes = 0;
    while (filled_bytes == 0 && !ended_) {
      absl::StatusOr<size_t> more = Fill({output_.get(), kChunkBytes});
      if (!more.ok()) return status_ = more.status();
      filled_bytes = *more;
    }
    if (ended_ && !from_.empty()) {
      return status_ = Corrupt(codec_, fmt::format("{} bytes after its end", from_.size()));
    }
    return std::span<const uint8_t>(output_.get(), filled_bytes);
  }

 protected:
  // Consumes from `from_`, returns the bytes written, sets `ended_` at the end of the stream. Must
  // make progress (consume, write or end) or fail.
  virtual absl::StatusOr<size_t> Fill(std::span<uint8_t> to) = 0;

  std::span<const uint8_t> from_;
  bool ended_ = false;

 private:
  const Codec codec_;
  absl::Status status_;
  std::unique_ptr<uint8_t[]> output_ = std::make_unique_for_overwrite<uint8_t[]>(kChunkBytes);
};

class Gzip final : public Streaming {
 public:
  explicit Gzip(std::span<const uint8_t> from) : Streaming(Codec::kGzip, from) {
    const int rc = inflateInit2(&stream_, kWindowBits);
    CHECK(rc == Z_OK, "inflateInit2 returned {}", rc);
  }
  ~Gzip() override { inflateEnd(&stream_); }

 protected:
  absl::StatusOr<size_t> Fill(std::span<uint8_t> to) override {
    const size_t offered_bytes = std::min<size_t>(from_.size(), std::numeric_limits<uInt>::max());
    stream_.next_in = const_cast<Bytef*>(from_.data());
    stream_.avail_in = static_cast<uInt>(offered_bytes);
    stream_.next_out = to.data();
    stream_.avail_out = static_cast<uInt>(to.size());
    const int rc = inflate(&stream_, Z_NO_FLUSH);
    from_ = from_.subspan(offered_bytes - stream_.avail_in);
    if (rc == Z_BUF_ERROR) return Corrupt(Codec::kGzip, "ends too early");
    if (rc != Z_OK && rc != Z_STREAM_END) {
      return Corrupt(Codec::kGzip, stream_.msg != nullptr ? stream_.msg : "not a gzip stream");
    }
    ended_ = rc == Z_STREAM_END;
    return to.size() - stream_.avail_out;
  }

 private:
  static constexpr int kWindowBits = 15 + 16;  // 32 KiB window, gzip wrapper only
  z_stream stream_{};
};

class Lz4 final : public Streaming {
 public:
  explicit Lz4(std::span<const uint8_t> from) : Streaming(Codec::kLz4, from) {
    const size_t rc = LZ4F_createDecompressionContext(&context_, LZ4F_VERSION);
    CHECK(!LZ4F_isError(rc), "lz4: {}", LZ4F_getErrorName(rc));
  }
  ~Lz4() override { LZ4F_freeDecompressionContext(context_); }

 protected:
  absl::StatusOr<size_t> Fill(std::span<uint8_t> to) override {
    if (!header_seen_) {
      const absl::Status header = CheckHeader();
      if (!header.ok()) return header;
      header_seen_ = true;
    }
    size_t written_bytes = to.size();
    size_t read_bytes = from_.size();
    const size_t rc =
        LZ4F_decompress(context_, to.data(), &written_bytes, from_.data(), &read_bytes, nullptr);
    if (LZ4F_isError(rc)) return Corrupt(Codec::kLz4, LZ4F_getErrorName(rc));
    from_ = from_.subspan(read_bytes);
    ended_ = rc == 0;
    if (!ended_ && written_bytes == 0 && read_bytes == 0) {
      return Corrupt(Codec::kLz4, "ends too early");
    }
    return written_bytes;
  }

 private:
  static constexpr uint8_t kVersionMask = 0xc0;
  static constexpr uint8_t kVersion1 = 0x40;
  static constexpr uint8_t kIndependentBlocksBit = 0x20;
  static constexpr uint8_t kReservedAndDictionaryBits = 0x03;
  static constexpr uint32_t kFrameMagic = 0x04224d18;  // 0x184D2204, read as big endian

  // Kafka's Java reader refuses what this refuses; the rest of the header is for the library to
  // judge.
  absl::Status CheckHeader() const {
    if (from_.size() < 7 || LoadBigEndian<uint32_t>(from_.data()) != kFrameMagic) {
      return Corrupt(Codec::kLz4, "not an lz4 frame");
    }
    const uint8_t flags = from_[4];
    if ((flags & kVersionMask) != kVersion1) return Corrupt(Codec::kLz4, "unknown frame version");
    if ((flags & kIndependentBlocksBit) == 0) return Corrupt(Codec::kLz4, "dependent blocks");
    if ((flags & kReservedAndDictionaryBits) != 0) {
      return Corrupt(Codec::kLz4, "reserved bit or dictionary");
    }
    return absl::OkStatus();
  }

  LZ4F_dctx* context_ = nullptr;
  bool header_seen_ = false;
};

class Zstd final : public Streaming {
 public:
  explicit Zstd(std::span<const uint8_t> from)
      : Streaming(Codec::kZstd, from), context_(ZSTD_createDCtx()) {
    CHECK(context_ != nullptr, "out of memory");
    const size_t rc = ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kWindowLogMax);
    CHECK(!ZSTD_isError(rc), "zstd: {}", ZSTD_getErrorName(rc));
  }
  ~Zstd() override { ZSTD_freeDCtx(context_); }

 protected:
  absl::StatusOr<size_t> Fill(std::span<uint8_t> to) override {
    if (!header_seen_) {
      // The library alone would also take skippable frames and formats older than 1.0.
      if (from_.size() < 4 || LoadBigEndian<uint32_t>(from_.data()) != kFrameMagic) {
        return Corrupt(Codec::kZstd, "not a zstd frame");
      }
      header_seen_ = true;
    }
    ZSTD_inBuffer in{from_.data(), from_.size(), 0};
    ZSTD_outBuffer out{to.data(), to.size(), 0};
    const size_t rc = ZSTD_decompressStream(context_, &out, &in);
    if (ZSTD_isError(rc)) return Corrupt(Codec::kZstd, ZSTD_getErrorName(rc));
    from_ = from_.subspan(in.pos);
    ended_ = rc == 0;
    if (!ended_ && out.pos == 0 && in.pos == 0) return Corrupt(Codec::kZstd, "ends too early");
    return out.pos;
  }

 private:
  // What level 22 without a known size uses, and the library's own default limit.
  static constexpr int kWindowLogMax = 27;
  static constexpr uint32_t kFrameMagic = 0x28b52ffd;  // 0xFD2FB528, read as big endian

  ZSTD_DCtx* context_;
  bool header_seen_ = false;
};

// Raw blocks cannot be streamed (copies may reach back to the start), but their expansion is
// bounded.
class Snappy final : public Decompressor {
 public:
  explicit Snappy(std::span<const uint8_t> from) : from_(from) {}

  Chunk Next() override {
    if (!started_) {
      started_ = true;
      const absl::Status header = Start();
      if (!header.ok()) return Fail(header);
    }
    // A block of no bytes is legal; an empty chunk would say "end".
    while (!blocks_done_) {
      absl::StatusOr<std::span<const uint8_t>> block = NextBlock();
      if (!block.ok()) return Fail(block.status());
      if (block->empty()) break;
      absl::StatusOr<size_t> size_bytes = Uncompress(*block);
      if (!size_bytes.ok()) return Fail(size_bytes.status());
      if (*size_bytes > 0) return std::span<const uint8_t>(output_).first(*size_bytes);
    }
    if (!status_.ok()) return status_;
    return std::span<const uint8_t>();
  }

 private:
  // The densest element is a copy: 3 bytes give 64.
  static constexpr uint64_t kMaxExpansion = 22;

  absl::Status Fail(absl::Status status) {
    blocks_done_ = true;
    return status_ = std::move(status);
  }

  absl::Status Start() {
    xerial_ = from_.size() >= xerial::kHeaderBytes &&
              std::equal(xerial::kMagic.begin(), xerial::kMagic.end(), from_.begin());
    if (!xerial_) {
      if (from_.empty()) return Corrupt(Codec::kSnappy, "no bytes");
      return absl::OkStatus();
    }
    const auto compatible = LoadBigEndian<int32_t>(from_.data() + xerial::kCompatiblePosition);
    const auto version = LoadBigEndian<int32_t>(from_.data() + xerial::kVersionPosition);
    if (version < xerial::kVersion || compatible > xerial::kVersion) {
      return Corrupt(Codec::kSnappy,
                     fmt::format("framing version {} (compatible {})", version, compatible));
    }
    from_ = from_.subspan(xerial::kHeaderBytes);
    return absl::OkStatus();
  }

  // The next compressed block, empty when there is none left.
  absl::StatusOr<std::span<const uint8_t>> NextBlock() {
    if (from_.empty()) {
      blocks_done_ = true;
      return std::span<const uint8_t>();
    }
    if (!xerial_) return std::exchange(from_, {});
    if (from_.size() < xerial::kLengthBytes) return Corrupt(Codec::kSnappy, "ends too early");
    const auto length = LoadBigEndian<int32_t>(from_.data());
    from_ = from_.subspan(xerial::kLengthBytes);
    if (length <= 0 || static_cast<size_t>(length) > from_.size()) {
      return Corrupt(Codec::kSnappy,
                     fmt::format("block of {} bytes where {} are left", length, from_.size()));
    }
    const std::span<const uint8_t> block = from_.first(static_cast<size_t>(length));
    from_ = from_.subspan(block.size());
    return block;
  }

  absl::StatusOr<size_t> Uncompress(std::span<const uint8_t> block) {
    const char* data = reinterpret_cast<const char*>(block.data());
    size_t size_bytes = 0;
    if (!snappy::GetUncompressedLength(data, block.size(), &size_bytes) ||
        size_bytes > block.size() * kMaxExpansion) {
      return Corrupt(Codec::kSnappy, "impossible uncompressed length");
    }
    if (output_.size() < size_bytes) output_.resize(size_bytes);
    if (!snappy::RawUncompress(data, block.size(), reinterpret_cast<char*>(output_.data()))) {
      return Corrupt(Codec::kSnappy, "not a snappy block");
    }
    return size_bytes;
  }

  std::span<const uint8_t> from_;
  std::vector<uint8_t> output_;
  absl::Status status_;
  bool started_ = false;
  bool xerial_ = false;
  bool blocks_done_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Decompressor>> Decompressor::Create(Codec codec,
                                                                   std::span<const uint8_t> from) {
  switch (codec) {
    case Codec::kNone:
      return std::make_unique<PlainPayload>(from);
    case Codec::kGzip:
      return std::make_unique<Gzip>(from);
    case Codec::kSnappy:
      return std::make_unique<Snappy>(from);
    case Codec::kLz4:
      return std::make_unique<Lz4>(from);
    case Codec::kZstd:
      return std::make_unique<Zstd>(from);
  }
  return absl::DataLossError(fmt::format("{} does not exist", CodecName(codec)));
}

}  // namespace soliton::kafka

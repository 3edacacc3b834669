#include "protocol/record/compression.h"

#include <gtest/gtest.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "protocol/record/decompressor.h"
#include "runtime/base/random.h"
#include "tests/protocol/record_test_util.h"

namespace soliton::kafka {
namespace {

constexpr Codec kCodecs[] = {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};
constexpr Codec kRealCodecs[] = {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};
constexpr size_t kMany = 1 << 30;

std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

absl::StatusOr<std::string> Expand(Codec codec, std::string_view bytes, size_t max = kMany) {
  absl::StatusOr<Buffer> out = Decompress(codec, AsBytes(bytes), max);
  if (!out.ok()) return out.status();
  return std::string(out->view());
}

std::string Shrink(Codec codec, std::string_view bytes, CompressionLevel level = std::nullopt) {
  return std::string(Compress(codec, level, AsBytes(bytes)).view());
}

TEST(Compression, NamesRoundTrip) {
  for (Codec codec : kCodecs) EXPECT_EQ(ParseCodec(CodecName(codec)), codec);
  EXPECT_EQ(ParseCodec("uncompressed"), Codec::kNone);
  EXPECT_EQ(ParseCodec("codec 5"), std::nullopt);
  EXPECT_EQ(ParseCodec("GZIP"), std::nullopt);
}

TEST(Compression, RoundTripsEverySizeAndLevel) {
  Random random(7);
  const size_t kSizes[] = {0, 1, 61, 32767, 32768, 32769, 65535, 65536, 65537, 131072, 1000000};
  for (Codec codec : kCodecs) {
    for (size_t size : kSizes) {
      const std::string text = RandomText(random, size);
      const std::string packed = Shrink(codec, text);
      EXPECT_LE(packed.size(), CompressBound(codec, size));
      const auto back = Expand(codec, packed, size);
      ASSERT_TRUE(back.ok()) << CodecName(codec) << " " << size << " " << back.status();
      EXPECT_TRUE(*back == text) << CodecName(codec) << " " << size;
      if (codec != Codec::kNone && size > 1000) EXPECT_LT(packed.size(), size);
    }
    for (int level : {-1000000, -1, 0, 1, 6, 9, 12, 17, 1000}) {
      const std::string text = RandomText(random, 5000);
      const auto back = Expand(codec, Shrink(codec, text, level));
      ASSERT_TRUE(back.ok()) << CodecName(codec) << " level " << level << " " << back.status();
      EXPECT_TRUE(*back == text);
    }
  }
}

TEST(Compression, WritesWhatJavaReads) {
  const std::string text(100000, 'x');
  const std::string snappy = Shrink(Codec::kSnappy, text);
  EXPECT_EQ(snappy.substr(0, 16), std::string("\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16));
  const std::string lz4 = Shrink(Codec::kLz4, text);
  EXPECT_EQ(lz4.substr(0, 4), "\x04\x22\x4d\x18");
  EXPECT_EQ(lz4[4] & 0xe0, 0x60) << "version 1, independent blocks";
  EXPECT_EQ(lz4[5] & 0x70, 0x40) << "64 KiB blocks";
  EXPECT_EQ(Shrink(Codec::kGzip, text).substr(0, 3), "\x1f\x8b\x08");
  EXPECT_EQ(Shrink(Codec::kZstd, text).substr(0, 4), "\x28\xb5\x2f\xfd");
}

TEST(Compression, ReadsRawSnappy) {
  Random random(9);
  for (size_t size : {0, 1, 100, 70000, 300000}) {
    const std::string text = RandomText(random, size);
    std::string raw;
    snappy::Compress(text.data(), text.size(), &raw);
    const auto back = Expand(Codec::kSnappy, raw);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_TRUE(*back == text);
  }
}

TEST(Compression, ReadsXerialWithManyBlocksOfAnySize) {
  std::string framed("\x82SNAPPY\0\0\0\0\1\0\0\0\1", 16);
  std::string expected;
  for (size_t size : {5, 0, 100000, 1}) {
    const std::string text(size, static_cast<char>('a' + size % 7));
    std::string block;
    snappy::Compress(text.data(), text.size(), &block);
    std::string length(4, '\0');
    StoreBigEndian(reinterpret_cast<uint8_t*>(length.data()), static_cast<int32_t>(block.size()));
    framed += length + block;
    expected += text;
  }
  const auto back = Expand(Codec::kSnappy, framed);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(*back == expected);
  framed[11] = 2;
  framed[15] = 2;
  EXPECT_TRUE(absl::IsDataLoss(Expand(Codec::kSnappy, framed).status())) << "incompatible version";
}

TEST(Compression, ReadsZstdStreamsWithoutContentSize) {
  const std::string text(500000, 'q');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  for (size_t at = 0; at < text.size(); at += 1000) {
    ZSTD_inBuffer in{text.data() + at, 1000, 0};
    ASSERT_FALSE(ZSTD_isError(ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue)));
  }
  ZSTD_inBuffer none{nullptr, 0, 0};
  ASSERT_EQ(ZSTD_compressStream2(context, &out, &none, ZSTD_e_end), 0u);
  ZSTD_freeCCtx(context);
  packed.resize(out.pos);
  ASSERT_EQ(ZSTD_getFrameContentSize(packed.data(), packed.size()), ZSTD_CONTENTSIZE_UNKNOWN);
  const auto back = Expand(Codec::kZstd, packed);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(*back == text);
}

TEST(Compression, EveryCutIsDataLoss) {
  Random random(3);
  const std::string text = RandomText(random, 3000);
  for (Codec codec : kRealCodecs) {
    const std::string packed = Shrink(codec, text);
    for (size_t size = 0; size < packed.size(); ++size) {
      // Xerial framing has no end mark: a cut between blocks is a shorter payload, here an empty
      // one.
      if (codec == Codec::kSnappy && size == 16) continue;
      EXPECT_TRUE(absl::IsDataLoss(Expand(codec, packed.substr(0, size)).status()))
          << CodecName(codec) << " cut at " << size;
    }
  }
}

TEST(Compression, TrailingBytesAndSecondStreamsAreDataLoss) {
  for (Codec codec : kRealCodecs) {
    const std::string packed = Shrink(codec, "hello hello hello hello");
    EXPECT_TRUE(absl::IsDataLoss(Expand(codec, packed + "x").status())) << CodecName(codec);
    EXPECT_TRUE(absl::IsDataLoss(Expand(codec, packed + packed).status())) << CodecName(codec);
  }
}

TEST(Compression, DamagedBytesNeverCrashNorExceedTheLimit) {
  Random random(11);
  for (Codec codec : kRealCodecs) {
    const std::string packed = Shrink(codec, RandomText(random, 70000));
    int refused = 0;
    for (int i = 0; i < 2000; ++i) {
      std::string bad = packed;
      for (uint64_t flips = 1 + random.Below(3); flips > 0; --flips) {
        bad[random.Below(bad.size())] ^= static_cast<char>(1 << random.Below(8));
      }
      const auto out = Expand(codec, bad, 200000);
      if (out.ok()) {
        EXPECT_LE(out->size(), 200000u);
      } else {
        ++refused;
        EXPECT_TRUE(absl::IsDataLoss(out.status()) || absl::IsResourceExhausted(out.status()));
      }
    }
    EXPECT_GT(refused, 0) << CodecName(codec);
  }
}

TEST(Compression, GarbageIsDataLoss) {
  Random random(5);
  for (Codec codec : kRealCodecs) {
    for (size_t size : {0, 1, 3, 4, 7, 16, 100}) {
      std::string garbage;
      for (size_t i = 0; i < size; ++i) garbage += static_cast<char>(0xf0 | random.Below(16));
      EXPECT_TRUE(absl::IsDataLoss(Expand(codec, garbage).status())) << CodecName(codec) << size;
    }
  }
  for (int number : {5, 6, 7}) {
    EXPECT_TRUE(absl::IsDataLoss(Expand(static_cast<Codec>(number), "abc").status()));
  }
}

TEST(Compression, RefusesLz4ThatJavaCannotRead) {
  const std::string text(200000, 'z');
  LZ4F_preferences_t linked{};
  linked.frameInfo.blockMode = LZ4F_blockLinked;
  std::string packed(LZ4F_compressFrameBound(text.size(), &linked), '\0');
  packed.resize(
      LZ4F_compressFrame(packed.data(), packed.size(), text.data(), text.size(), &linked));
  EXPECT_TRUE(absl::IsDataLoss(Expand(Codec::kLz4, packed).status()));
}

TEST(Compression, BombsStayInTheirChunk) {
  const std::string zeros(64 << 20, '\0');
  for (Codec codec : {Codec::kGzip, Codec::kLz4, Codec::kZstd}) {
    const std::string bomb = Shrink(codec, zeros);
    EXPECT_TRUE(absl::IsResourceExhausted(Expand(codec, bomb, 1 << 20).status()));
    auto decompressor = Decompressor::Create(codec, AsBytes(bomb));
    ASSERT_TRUE(decompressor.ok());
    size_t total_bytes = 0;
    while (true) {
      const auto chunk = (*decompressor)->Next();
      ASSERT_TRUE(chunk.ok()) << chunk.status();
      if (chunk->empty()) break;
      EXPECT_LE(chunk->size(), Decompressor::kChunkBytes);
      total_bytes += chunk->size();
    }
    EXPECT_EQ(total_bytes, zeros.size());
  }
}

TEST(Compression, SnappyClaimsAreNotBelieved) {
  // A length of almost 4 GiB in front of four bytes.
  const std::string claim("\xff\xff\xff\xff\x0f\x00\x61\x00\x00", 9);
  EXPECT_TRUE(absl::IsDataLoss(Expand(Codec::kSnappy, claim).status()));
  const std::string negative_block("\x82SNAPPY\0\0\0\0\1\0\0\0\1\xff\xff\xff\xff", 20);
  EXPECT_TRUE(absl::IsDataLoss(Expand(Codec::kSnappy, negative_block).status()));
}

TEST(Compression, ErrorsRepeat) {
  for (Codec codec : kRealCodecs) {
    auto decompressor = Decompressor::Create(codec, AsBytes("garbage garbage"));
    ASSERT_TRUE(decompressor.ok());
    EXPECT_TRUE(absl::IsDataLoss((*decompressor)->Next().status())) << CodecName(codec);
    EXPECT_TRUE(absl::IsDataLoss((*decompressor)->Next().status())) << CodecName(codec);
  }
}

}  // namespace
}  // namespace soliton::kafka

#include "runtime/net/frame_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/base/endian.h"
#include "runtime/base/random.h"

namespace soliton {
namespace {

std::string Prefix(int32_t length) {
  uint8_t bytes[4];
  StoreBigEndian(bytes, length);
  return std::string(reinterpret_cast<const char*>(bytes), 4);
}

// Gives the reader up to `limit` bytes of `stream`, as one read of a socket would; returns how many
// it took.
size_t Feed(FrameReader& reader, std::string_view stream, size_t limit) {
  const FrameReader::Space space = reader.Prepare();
  EXPECT_GT(space.first.size(), 0u);
  const std::string_view bytes = stream.substr(0, limit);
  const size_t first = std::min(bytes.size(), space.first.size());
  const size_t second = std::min(bytes.size() - first, space.second.size());
  std::copy_n(bytes.begin(), first, space.first.begin());
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(first), second, space.second.begin());
  reader.Commit(first + second);
  return first + second;
}

TEST(FrameReaderTest, RandomStreamsCutAtRandomPlaces) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    std::string stream;
    std::vector<std::string> sent;
    for (int i = 0; i < 60; ++i) {
      constexpr size_t kShapes[] = {1, 20, 600, 5'000, 20'000, 150'000};
      std::string body(random.Below(kShapes[random.Below(6)]), '\0');
      for (char& c : body) c = static_cast<char>(random.Next());
      stream += Prefix(static_cast<int32_t>(body.size())) + body;
      sent.push_back(std::move(body));
    }
    const size_t largest_read = std::array<size_t, 4>{3, 100, 70'000, 1 << 20}[seed % 4];
    FrameReader reader(1 << 20);
    // Kept until the end, so that a chunk that is reused too early shows.
    std::vector<Buffer> received;
    std::string_view rest = stream;
    while (!rest.empty()) {
      rest.remove_prefix(Feed(reader, rest, 1 + random.Below(largest_read)));
      while (true) {
        auto frame = reader.Next();
        ASSERT_TRUE(frame.ok());
        if (!frame->has_value()) break;
        received.push_back(**frame);
      }
    }
    EXPECT_TRUE(reader.at_frame_boundary());
    ASSERT_EQ(received.size(), sent.size());
    for (size_t i = 0; i < sent.size(); ++i) ASSERT_EQ(received[i].view(), sent[i]) << i;
  }
}

TEST(FrameReaderTest, LargeFramesAreReadInPlace) {
  FrameReader reader(1 << 20);
  const std::string body(500'000, 'b');
  std::string stream = Prefix(500'000) + body + Prefix(500'000) + body;
  std::string_view rest = stream;
  rest.remove_prefix(Feed(reader, rest, stream.size()));
  ASSERT_FALSE(reader.Next()->has_value());
  // One read takes the rest of the body and only the head of what follows it.
  rest.remove_prefix(Feed(reader, rest, stream.size()));
  ASSERT_TRUE(reader.Next()->has_value());
  ASSERT_FALSE(reader.Next()->has_value());
  EXPECT_GT(rest.size(), 490'000u);
  EXPECT_FALSE(reader.at_frame_boundary());
}

TEST(FrameReaderTest, LengthOutOfBoundsIsRefusedBeforeTheBody) {
  for (int32_t length : {1001, 0x7FFFFFFF, -1, INT32_MIN}) {
    FrameReader reader(1000);
    const std::string prefix = Prefix(length);
    Feed(reader, prefix, 4);
    EXPECT_TRUE(absl::IsInvalidArgument(reader.Next().status())) << length;
    EXPECT_TRUE(absl::IsInvalidArgument(reader.Next().status())) << "sticky";
  }
  FrameReader reader(1000);
  const std::string frame = Prefix(1000) + std::string(1000, 'x');
  Feed(reader, frame, frame.size());
  EXPECT_EQ((*reader.Next())->size(), 1000u);
}

TEST(FrameReaderTest, EmptyFrames) {
  FrameReader reader(10);
  const std::string stream = Prefix(0) + Prefix(0);
  Feed(reader, stream, stream.size());
  EXPECT_TRUE((*reader.Next())->empty());
  EXPECT_TRUE((*reader.Next())->empty());
  EXPECT_FALSE(reader.Next()->has_value());
}

TEST(FrameReaderTest, TheHeadIsThereBeforeMemoryIsTaken) {
  FrameReader reader(1 << 20);
  const std::string stream = Prefix(500'000) + std::string(60, 'h');
  Feed(reader, stream, 30);
  EXPECT_FALSE(reader.NextHead()->has_value()) << "too little to see what it is";
  EXPECT_EQ(reader.partial_bytes(), 30);
  Feed(reader, std::string_view(stream).substr(30), 30);
  auto head = reader.NextHead();
  ASSERT_TRUE(head.ok() && head->has_value());
  EXPECT_EQ((*head)->frame_bytes, 500'000);
  EXPECT_EQ((*head)->bytes.size(), 48u);
  EXPECT_EQ((*head)->bytes[0], 'h');
  EXPECT_LT(reader.Prepare().first.size(), 10'000u) << "the body has no buffer yet";
  EXPECT_FALSE(reader.Next()->has_value());
  EXPECT_GT(reader.Prepare().first.size(), 400'000u);
  EXPECT_FALSE(reader.NextHead()->has_value()) << "it is under construction";
  EXPECT_EQ(reader.partial_bytes(), 60);
}

TEST(FrameReaderTest, ASmallFrameIsItsOwnHead) {
  FrameReader reader(1 << 20);
  Feed(reader, Prefix(100) + std::string(99, 'x'), 103);
  EXPECT_FALSE(reader.NextHead()->has_value()) << "half of it costs nothing more";
  Feed(reader, "y", 1);
  auto head = reader.NextHead();
  ASSERT_TRUE(head.ok() && head->has_value());
  EXPECT_EQ((*head)->bytes.size(), 100u);
  EXPECT_EQ((*head)->bytes[99], 'y');
  EXPECT_EQ((*reader.Next())->size(), 100u);
  EXPECT_EQ(reader.partial_bytes(), 0);
}

TEST(FrameReaderTest, WhatThePeerSpeaksIsNamed) {
  FrameReader reader(1 << 20);
  Feed(reader, "GET / HTTP/1.1\r\n", 16);
  const auto head = reader.NextHead();
  ASSERT_FALSE(head.ok());
  EXPECT_NE(std::string(head.status().message()).find("speaks HTTP"), std::string::npos);
  EXPECT_EQ(reader.Next().status(), head.status());
}

}  // namespace
}  // namespace soliton

#include "runtime/base/buffer.h"

#include <gtest/gtest.h>

#include <thread>

#include "runtime/base/buffer_chain.h"
#include "tests/runtime/temporary_directory.h"

namespace soliton {
namespace {

TEST(BufferTest, SlicesShareStorageAndOutliveTheWhole) {
  Buffer slice;
  const uint8_t* address = nullptr;
  {
    Buffer whole = Buffer::CopyOf(std::string_view("hello, world"));
    address = whole.data();
    slice = whole.Slice(7, 5);
  }
  EXPECT_EQ(slice.view(), "world");
  EXPECT_EQ(slice.data(), address + 7);
  EXPECT_EQ(slice.Slice(1).view(), "orld");
}

TEST(BufferTest, StorageIsAligned) {
  for (size_t size : {1u, 15u, 16u, 17u, 100'000u}) {
    Buffer buffer = Buffer::Allocate(size);
    EXPECT_EQ(buffer.size(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 16, 0u);
  }
}

TEST(BufferTest, MovedFromAndDefaultAreEmpty) {
  Buffer a = Buffer::CopyOf(std::string_view("abc"));
  Buffer b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): specified
  EXPECT_EQ(b.view(), "abc");
  EXPECT_TRUE(Buffer().empty());
  EXPECT_TRUE(Buffer::Allocate(0).empty());
  EXPECT_TRUE(b.Slice(3, 0).empty());
  Buffer& same = b;
  b = same;
  EXPECT_EQ(b.view(), "abc");
}

TEST(BufferTest, WrapTakesTheStringOver) {
  std::string text(1000, 'x');
  const char* address = text.data();
  Buffer whole = Buffer::Wrap(std::move(text));
  EXPECT_EQ(reinterpret_cast<const char*>(whole.data()), address);
  Buffer slice = whole.Slice(10, 20);
  whole = Buffer();
  EXPECT_EQ(slice.view(), std::string(20, 'x'));
  EXPECT_TRUE(Buffer::Wrap("").empty());
}

TEST(BufferTest, EqualityComparesBytes) {
  EXPECT_EQ(Buffer::CopyOf(std::string_view("ab")), Buffer::Wrap("ab"));
  EXPECT_NE(Buffer::CopyOf(std::string_view("ab")), Buffer::Wrap("abc"));
}

TEST(BufferTest, ReferencesMayBeDroppedOnAnyThread) {
  Buffer whole = Buffer::CopyOf(std::string_view(std::string(4096, 'q')));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = whole] {
      for (int round = 0; round < 10'000; ++round) {
        Buffer slice = copy.Slice(static_cast<size_t>(round % 4096), 1);
        CHECK(slice.view() == "q", "foreign byte");
      }
    });
  }
  whole = Buffer();
  for (std::thread& thread : threads) thread.join();
}

TEST(BufferDeathTest, SliceOutsideIsABug) {
  Buffer buffer = Buffer::CopyOf(std::string_view("abc"));
  EXPECT_DEATH((void)buffer.Slice(2, 2), "slice \\[2, \\+2\\) of a buffer of 3 bytes");
  EXPECT_DEATH((void)buffer.Slice(4, SIZE_MAX), "slice");
}

TEST(BufferChainTest, FlattensMemoryAndRegionsInOrder) {
  TemporaryDirectory directory;
  PosixFileSystem fs;
  auto file = fs.Open(directory.File("a"), OpenMode::kReadWriteOrCreate);
  ASSERT_TRUE(file.ok());
  const Buffer content = Buffer::CopyOf(std::string_view("0123456789"));
  ASSERT_TRUE((*file)->Append({&content, 1}).ok());

  BufferChain chain(Buffer::CopyOf(std::string_view("<")));
  chain.Append(FileRegion{*file, 2, 3});
  chain.Append(Buffer());
  chain.Append(FileRegion{*file, 9, 0});
  BufferChain tail(Buffer::CopyOf(std::string_view(">")));
  tail.Append(FileRegion{*file, 9, 1});
  chain.Append(std::move(tail));
  EXPECT_EQ(chain.size_bytes(), 6);
  EXPECT_EQ(chain.pieces().size(), 4u);
  absl::StatusOr<Buffer> flat = chain.Flatten();
  ASSERT_TRUE(flat.ok());
  EXPECT_EQ(flat->view(), "<234>9");
}

TEST(BufferChainTest, FlattenOfOneBufferDoesNotCopy) {
  Buffer buffer = Buffer::CopyOf(std::string_view("same"));
  BufferChain chain(buffer);
  EXPECT_EQ(chain.Flatten()->data(), buffer.data());
  EXPECT_TRUE(BufferChain().Flatten()->empty());
}

TEST(BufferChainTest, OneBufferCanBeTakenOut) {
  Buffer buffer = Buffer::CopyOf(std::string_view("same"));
  BufferChain chain(buffer);
  ASSERT_NE(chain.single(), nullptr);
  EXPECT_EQ(chain.TakeSingle().data(), buffer.data());
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(chain.single(), nullptr);
  // What is moved from is an empty chain, too.
  BufferChain from(buffer);
  const BufferChain to = std::move(from);
  EXPECT_EQ(to.piece_count(), 1u);
  EXPECT_TRUE(BufferChain().TakeSingle().empty());
  BufferChain two(buffer);
  two.Append(buffer);
  EXPECT_EQ(two.single(), nullptr);
}

TEST(BufferTest, SliceOfATemporaryKeepsItsStorage) {
  Buffer whole = Buffer::CopyOf(std::string_view("abcdef"));
  const uint8_t* const begin = whole.data();
  Buffer part = std::move(whole).Slice(2, 3);
  EXPECT_EQ(part.view(), "cde");
  EXPECT_EQ(part.data(), begin + 2);
  EXPECT_TRUE(std::move(part).Slice(1, 0).empty());
}

TEST(BufferChainTest, RegionBeyondTheEndIsDataLoss) {
  TemporaryDirectory directory;
  PosixFileSystem fs;
  auto file = fs.Open(directory.File("a"), OpenMode::kReadWriteOrCreate);
  BufferChain chain;
  chain.Append(FileRegion{*file, 0, 10});
  EXPECT_TRUE(absl::IsDataLoss(chain.Flatten().status()));
}

}  // namespace
}  // namespace soliton

#include "runtime/file/posix_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/random.h"
#include "tests/runtime/temporary_directory.h"

namespace soliton {
namespace {

class PosixFileSystemTest : public testing::Test {
 protected:
  std::shared_ptr<File> MustOpen(std::string_view name,
                                 OpenMode mode = OpenMode::kReadWriteOrCreate) {
    auto file = fs_.Open(directory_.File(name), mode);
    CHECK(file.ok(), "{}", std::string(file.status().message()));
    return *file;
  }
  static absl::Status Append(File& file, std::string_view text) {
    const Buffer bytes = Buffer::CopyOf(text);
    return file.Append({&bytes, 1});
  }
  static std::string ReadAll(const File& file) {
    std::string out(static_cast<size_t>(file.size_bytes()) + 10, '\0');
    auto count = file.ReadAt(0, {reinterpret_cast<uint8_t*>(out.data()), out.size()});
    CHECK(count.ok(), "cannot read");
    out.resize(*count);
    return out;
  }

  TemporaryDirectory directory_;
  PosixFileSystem fs_;
};

TEST_F(PosixFileSystemTest, AppendReadTruncate) {
  auto file = MustOpen("f");
  ASSERT_TRUE(Append(*file, "hello").ok());
  ASSERT_TRUE(Append(*file, " world").ok());
  EXPECT_EQ(file->size_bytes(), 11);
  EXPECT_EQ(ReadAll(*file), "hello world");
  ASSERT_TRUE(file->Truncate(5).ok());
  EXPECT_EQ(file->size_bytes(), 5);
  ASSERT_TRUE(Append(*file, "!").ok());
  EXPECT_EQ(ReadAll(*file), "hello!");
  EXPECT_TRUE(absl::IsInvalidArgument(file->Truncate(7)));
  EXPECT_EQ(file->size_bytes(), 6);
  EXPECT_TRUE(file->Sync().ok());
  // Reading across and beyond the end is short, not an error.
  uint8_t bytes[4];
  EXPECT_EQ(*file->ReadAt(4, bytes), 2u);
  EXPECT_EQ(*file->ReadAt(100, bytes), 0u);
}

TEST_F(PosixFileSystemTest, AppendGathersMorePiecesThanOneCallTakes) {
  auto file = MustOpen("f");
  Random random(1);
  std::vector<Buffer> pieces;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string piece(random.Below(300), static_cast<char>('a' + i % 26));
    expected += piece;
    pieces.push_back(Buffer::CopyOf(piece));
  }
  ASSERT_TRUE(file->Append(pieces).ok());
  EXPECT_EQ(file->size_bytes(), static_cast<int64_t>(expected.size()));
  EXPECT_EQ(ReadAll(*file), expected);
}

TEST_F(PosixFileSystemTest, ReopenedFileContinuesAtItsEnd) {
  ASSERT_TRUE(Append(*MustOpen("f"), "abc").ok());
  auto again = MustOpen("f", OpenMode::kReadWrite);
  EXPECT_EQ(again->size_bytes(), 3);
  ASSERT_TRUE(Append(*again, "def").ok());
  EXPECT_EQ(ReadAll(*MustOpen("f", OpenMode::kReadOnly)), "abcdef");
}

TEST_F(PosixFileSystemTest, OpenErrorsNameThePath) {
  auto missing = fs_.Open(directory_.File("none"), OpenMode::kReadWrite);
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_THAT(std::string(missing.status().message()), testing::HasSubstr("/none: No such file"));
  EXPECT_TRUE(absl::IsNotFound(fs_.Open(directory_.File("none"), OpenMode::kReadOnly).status()));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(fs_.Open(directory_.path(), OpenMode::kReadOnly).status()));
}

TEST_F(PosixFileSystemTest, FullDiskIsResourceExhausted) {
  auto full = fs_.Open("/dev/full", OpenMode::kReadWrite);
  if (!full.ok()) GTEST_SKIP() << "no /dev/full here";
  EXPECT_TRUE(absl::IsResourceExhausted(Append(**full, "x")));
  EXPECT_EQ((*full)->size_bytes(), 0);
}

TEST_F(PosixFileSystemTest, WritingToAReadOnlyFileFails) {
  ASSERT_TRUE(Append(*MustOpen("f"), "abc").ok());
  auto file = MustOpen("f", OpenMode::kReadOnly);
  EXPECT_FALSE(Append(*file, "x").ok());
  EXPECT_EQ(file->size_bytes(), 3);
}

TEST_F(PosixFileSystemTest, ListIsSortedAndKnowsFolders) {
  for (std::string_view name : {"b", "a", "c.log"}) (void)MustOpen(name);
  ASSERT_TRUE(fs_.CreateDirectories(directory_.File("d/e/f")).ok());
  ASSERT_TRUE(fs_.CreateDirectories(directory_.File("d/e/f")).ok());
  auto entries = fs_.List(directory_.path());
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 4u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[2].name, "c.log");
  EXPECT_FALSE((*entries)[2].is_directory);
  EXPECT_EQ((*entries)[3].name, "d");
  EXPECT_TRUE((*entries)[3].is_directory);
  EXPECT_TRUE(absl::IsNotFound(fs_.List(directory_.File("none")).status()));
}

TEST_F(PosixFileSystemTest, RenameReplacesAndRemoveIsIdempotent) {
  ASSERT_TRUE(Append(*MustOpen("from"), "new").ok());
  ASSERT_TRUE(Append(*MustOpen("to"), "old").ok());
  ASSERT_TRUE(fs_.Rename(directory_.File("from"), directory_.File("to")).ok());
  EXPECT_FALSE(fs_.Exists(directory_.File("from")));
  EXPECT_EQ(*ReadFile(fs_, directory_.File("to")), "new");
  EXPECT_TRUE(absl::IsNotFound(fs_.Rename(directory_.File("from"), directory_.File("to"))));
  EXPECT_TRUE(fs_.Remove(directory_.File("to")).ok());
  EXPECT_TRUE(fs_.Remove(directory_.File("to")).ok());
  EXPECT_FALSE(fs_.Exists(directory_.File("to")));
}

TEST_F(PosixFileSystemTest, RemoveTree) {
  ASSERT_TRUE(fs_.CreateDirectories(directory_.File("t/u")).ok());
  ASSERT_TRUE(Append(*MustOpen("t/u/f"), "x").ok());
  EXPECT_TRUE(fs_.RemoveTree(directory_.File("t")).ok());
  EXPECT_FALSE(fs_.Exists(directory_.File("t")));
  EXPECT_TRUE(fs_.RemoveTree(directory_.File("t")).ok());
}

TEST_F(PosixFileSystemTest, RemovedFileStaysReadableWhileOpen) {
  auto file = MustOpen("f");
  ASSERT_TRUE(Append(*file, "still here").ok());
  ASSERT_TRUE(fs_.Remove(directory_.File("f")).ok());
  EXPECT_EQ(ReadAll(*file), "still here");
}

TEST_F(PosixFileSystemTest, WriteFileAtomicallyReplacesEverything) {
  const std::string path = directory_.File("checkpoint");
  ASSERT_TRUE(WriteFileAtomically(fs_, path, std::string(10'000, 'a')).ok());
  // Left behind by an attempt that a crash cut short, and longer than the next content.
  ASSERT_TRUE(Append(*MustOpen("checkpoint.tmp"), std::string(500, 'z')).ok());
  ASSERT_TRUE(WriteFileAtomically(fs_, path, "short").ok());
  EXPECT_EQ(*ReadFile(fs_, path), "short");
  EXPECT_FALSE(fs_.Exists(path + ".tmp"));
  ASSERT_TRUE(WriteFileAtomically(fs_, path, "").ok());
  EXPECT_EQ(*ReadFile(fs_, path), "");
  EXPECT_TRUE(absl::IsNotFound(WriteFileAtomically(fs_, directory_.File("no/such"), "x")));
}

TEST_F(PosixFileSystemTest, ReadFileOfAnySize) {
  for (size_t size : {0u, 1u, 4095u, 4096u, 4097u, 100'000u}) {
    const std::string content(size, 'c');
    ASSERT_TRUE(WriteFileAtomically(fs_, directory_.File("f"), content).ok());
    EXPECT_EQ(*ReadFile(fs_, directory_.File("f")), content);
  }
  // Files of /proc claim to be empty.
  EXPECT_FALSE(ReadFile(fs_, "/proc/self/status")->empty());
}

TEST_F(PosixFileSystemTest, LockIsExclusiveAndNamesItsHolder) {
  const std::string path = directory_.File(".lock");
  auto first = fs_.Lock(path);
  ASSERT_TRUE(first.ok());
  auto second = fs_.Lock(path);
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
  EXPECT_THAT(std::string(second.status().message()),
              testing::HasSubstr(fmt::format("locked by process {}", ProcessId())));
  first->reset();
  EXPECT_TRUE(fs_.Lock(path).ok());
}

TEST(PathTest, JoinAndSplit) {
  EXPECT_EQ(JoinPath("a/b", "c"), "a/b/c");
  EXPECT_EQ(JoinPath("a/", "c"), "a/c");
  EXPECT_EQ(JoinPath("", "c"), "c");
  EXPECT_EQ(DirectoryOf("a/b/c"), "a/b");
  EXPECT_EQ(DirectoryOf("c"), ".");
  EXPECT_EQ(DirectoryOf("/c"), "/");
}

}  // namespace
}  // namespace soliton

#include "runtime/line_reader.h"

#include <gtest/gtest.h>

#include "runtime/loop/asio_shard.h"
#include "tests/runtime/await.h"
#include "tests/runtime/temporary_directory.h"

namespace soliton {
namespace {

class LineReaderTest : public testing::Test {
 protected:
  LineReaderTest() { shards_.Start(); }

  absl::StatusOr<LineReader::Batch> Read(LineReader& reader) {
    std::promise<absl::StatusOr<LineReader::Batch>> result;
    auto future = result.get_future();
    reader.ReadBatch(shards_.shard(0), [&](absl::StatusOr<LineReader::Batch> batch) {
      result.set_value(std::move(batch));
    });
    return Await(std::move(future));
  }
  std::unique_ptr<LineReader> Open(std::string_view content, const LineReader::Options& options) {
    CHECK(WriteFileAtomically(fs_, directory_.File("in"), content).ok(), "cannot write");
    auto reader = LineReader::OfFile(directory_.File("in"), options);
    CHECK(reader.ok(), "cannot open");
    return std::move(*reader);
  }
  std::vector<std::string> ReadAll(LineReader& reader) {
    std::vector<std::string> lines;
    while (true) {
      auto batch = Read(reader);
      CHECK(batch.ok(), "{}", std::string(batch.status().message()));
      for (std::string& line : batch->lines) lines.push_back(std::move(line));
      if (batch->end_of_input) return lines;
      CHECK(!batch->lines.empty(), "neither lines nor the end");
    }
  }

  TemporaryDirectory directory_;
  PosixFileSystem fs_;
  AsioShardSet shards_{ShardOptions{.shard_count = 1, .seed = 1}};
};

TEST_F(LineReaderTest, LinesWithAndWithoutALastDelimiter) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(ReadAll(*Open("a\n\nb\n", {})), (Lines{"a", "", "b"}));
  EXPECT_EQ(ReadAll(*Open("a\nb", {})), (Lines{"a", "b"}));
  EXPECT_EQ(ReadAll(*Open("", {})), Lines{});
  EXPECT_EQ(ReadAll(*Open("a;b\n;c", {.delimiter = ';'})), (Lines{"a", "b\n", "c"}));
}

TEST_F(LineReaderTest, BatchesAreBoundedAndLoseNothing) {
  std::string content;
  std::vector<std::string> expected;
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    expected.push_back(fmt::format("{}-{}", i, std::string(random.Below(80), 'x')));
    content += expected.back() + "\n";
  }
  auto reader = Open(content, {.max_batch_bytes = 1000});
  auto first = Read(*reader);
  ASSERT_TRUE(first.ok());
  size_t bytes = 0;
  for (const std::string& line : first->lines) bytes += line.size() + 1;
  EXPECT_GE(bytes, 1000u);
  EXPECT_LT(bytes, 1100u);
  auto rest = ReadAll(*reader);
  first->lines.insert(first->lines.end(), rest.begin(), rest.end());
  EXPECT_EQ(first->lines, expected);
}

TEST_F(LineReaderTest, AnEndlessLineIsRefused) {
  auto reader = Open(std::string(1'000'000, 'x'), {.max_line_bytes = 100'000});
  EXPECT_TRUE(absl::IsInvalidArgument(Read(*reader).status()));
}

TEST_F(LineReaderTest, DestructionInterruptsAWaitingRead) {
  // Reading a folder fails, but waiting for it does not; a pipe without a writer's data waits.
  ASSERT_EQ(*RunCommand(fmt::format("mkfifo {}", directory_.File("pipe"))), 0);
  // Opened for both directions by a helper that lives as long as this shell: the read end then has
  // a writer.
  auto keep_open = fs_.Open(directory_.File("pipe"), OpenMode::kReadWrite);
  ASSERT_TRUE(keep_open.ok());
  auto reader = LineReader::OfFile(directory_.File("pipe"), {});
  ASSERT_TRUE(reader.ok());
  bool called = false;
  (*reader)->ReadBatch(shards_.shard(0), [&](auto) { called = true; });
  reader->reset();
  EXPECT_FALSE(RunOn(shards_.shard(0), [&] { return called; }));
}

TEST_F(LineReaderTest, MissingFile) {
  EXPECT_TRUE(absl::IsNotFound(LineReader::OfFile(directory_.File("none"), {}).status()));
}

}  // namespace
}  // namespace soliton

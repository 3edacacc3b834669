#include "segment/checkpoint_file.h"

#include <gtest/gtest.h>

#include "runtime/base/random.h"

namespace soliton::segment {
namespace {

TEST(CheckpointFile, IsKafkasText) {
  EXPECT_EQ(EncodeCheckpoint({}), "0\n0\n");
  EXPECT_EQ(EncodeCheckpoint({"1 0", "4 17"}), "0\n2\n1 0\n4 17\n");
  EXPECT_EQ(*ParseCheckpoint("0\n2\n1 0\n4 17\n"), (std::vector<std::string>{"1 0", "4 17"}));
  EXPECT_EQ(*ParseCheckpoint("0\r\n1\r\n1 0"), (std::vector<std::string>{"1 0"}));
}

TEST(CheckpointFile, DamageIsSeen) {
  for (const char* text : {"", "0", "0\n", "x\n0\n", "1\n0\n", "0\n-1\n", "0\nx\n", "0\n2\n1 0\n",
                           "0\n1\n1 0\n2 5\n", "0\n1\n\n", "0\n99999999999999999999\n"}) {
    EXPECT_EQ(ParseCheckpoint(text).status().code(), absl::StatusCode::kDataLoss) << text;
  }
}

TEST(CheckpointFile, PartitionMetadata) {
  Random random(1);
  const Uuid topic_id = Uuid::Generate(random);
  const std::string text = EncodePartitionMetadata(topic_id);
  EXPECT_EQ(text, "version: 0\ntopic_id: " + topic_id.ToString() + "\n");
  EXPECT_EQ(*ParsePartitionMetadata(text), topic_id);
  for (const std::string& bad :
       {std::string(), std::string("version: 0\n"), "topic_id: " + topic_id.ToString(),
        "version: 1\ntopic_id: " + topic_id.ToString(), std::string("version: 0\ntopic_id: short"),
        "version: 0\ntopic_id: " + Uuid{}.ToString()}) {
    EXPECT_FALSE(ParsePartitionMetadata(bad).ok()) << bad;
  }
}

TEST(CheckpointFile, Properties) {
  const std::map<std::string, std::string> values = {{"a", "1"}, {"b.c", "x=y"}};
  EXPECT_EQ(*ParseProperties(EncodeProperties(values)), values);
  EXPECT_EQ(*ParseProperties("# comment\n\n a = 1 \nb.c=x=y"), values);
  EXPECT_FALSE(ParseProperties("a=1\nnonsense\n").ok());
}

// Found by fuzz_log_files: of several only one was taken away, so a file that was read and written
// was another one.
TEST(CheckpointFile, LinesEndWithoutCarriageReturns) {
  const auto lines = ParseCheckpoint("0\r\r\n2\r\n0 7\r\r\r\n1 8\r");
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ(*lines, (std::vector<std::string>{"0 7", "1 8"}));
}

}  // namespace
}  // namespace soliton::segment

// The floor does what it is compared for: every copy holds every frame, and reads give them back.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "runtime/file/file_system.h"
#include "runtime/file/posix_file_system.h"
#include "runtime/process.h"

namespace soliton::bench {
namespace {

constexpr int kBatchBytes = 10'000;
constexpr int kFrames = 40;  // per node
constexpr int kFrameHeaderBytes = 8;
constexpr int kFetchBytes = 50'000;

class FloorTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder = JoinPath(testing::TempDir(), fmt::format("soliton-floor-{}", ProcessId()));
    ASSERT_TRUE(fs.RemoveTree(folder).ok());
    for (int node = 0; node < 3; ++node) {
      ASSERT_TRUE(fs.CreateDirectories(FolderOf(node)).ok());
    }
  }
  void TearDown() override { EXPECT_TRUE(fs.RemoveTree(folder).ok()); }

  std::string FolderOf(int node) const { return JoinPath(folder, std::to_string(node)); }
  // Of a load's csv, whose second column it is.
  int64_t BytesReported(const std::string& load) const {
    const auto csv = ReadFile(fs, JoinPath(folder, load));
    if (!csv.ok()) return -1;
    const size_t row = csv->find("\n" + load + ",");
    return row == std::string::npos ? -1 : std::atoll(csv->c_str() + row + load.size() + 2);
  }
  // Outside the range from which the system hands out ports.
  static int PortOf(int node) { return 20'000 + ProcessId() % 3000 * 3 + node; }

  PosixFileSystem fs;
  std::string folder;
};

TEST_P(FloorTest, EveryCopyHoldsEveryFrame) {
  std::string script = "set -e; pids=; trap 'kill $pids' EXIT\n";
  for (int node = 0; node < 3; ++node) {
    script += fmt::format(
        SOLITON_FLOOR
        " node --id {} --port {} --peers {},{} --dir {} --durability {} & pids=\"$pids $!\"\n",
        node, PortOf(node), PortOf((node + 1) % 3), PortOf((node + 2) % 3), FolderOf(node),
        GetParam());
  }
  const std::string nodes = fmt::format("{},{},{}", PortOf(0), PortOf(1), PortOf(2));
  script += fmt::format(
      SOLITON_FLOOR " produce --nodes {} --bytes {} --batch-bytes {} --in-flight 7 >{}/produce\n",
      nodes, 3 * kFrames * kBatchBytes, kBatchBytes, folder);
  script +=
      fmt::format(SOLITON_FLOOR " consume --nodes {} --bytes {} --fetch-bytes {} >{}/consume\n",
                  nodes, 3 * kFrames * (kBatchBytes + kFrameHeaderBytes), kFetchBytes, folder);
  const auto code = RunCommand(script);
  ASSERT_TRUE(code.ok()) << code.status();
  ASSERT_EQ(*code, 0);

  size_t total = 0;
  for (int node = 0; node < 3; ++node) {
    const auto log = ReadFile(fs, JoinPath(FolderOf(node), fmt::format("log-{}", node)));
    ASSERT_TRUE(log.ok()) << log.status();
    total += log->size();
    for (const int other : {(node + 1) % 3, (node + 2) % 3}) {
      const auto copy = ReadFile(fs, JoinPath(FolderOf(other), fmt::format("copy-of-{}", node)));
      ASSERT_TRUE(copy.ok()) << copy.status();
      EXPECT_TRUE(*copy == *log) << "log " << node << " on node " << other;
    }
  }
  EXPECT_EQ(total, size_t{3} * kFrames * (kBatchBytes + kFrameHeaderBytes));
  EXPECT_EQ(BytesReported("produce"), int64_t{3} * kFrames * kBatchBytes);
  // What the three nodes were still asked for when the limit was reached comes on top.
  EXPECT_GE(BytesReported("consume"), static_cast<int64_t>(total));
  EXPECT_LE(BytesReported("consume"), static_cast<int64_t>(total) + 3 * kFetchBytes);
}

INSTANTIATE_TEST_SUITE_P(Durabilities, FloorTest, testing::Values("page-cache", "flush"),
                         [](const auto& info) {
                           return std::string(info.param) == "flush" ? "Flush" : "PageCache";
                         });

}  // namespace
}  // namespace soliton::bench

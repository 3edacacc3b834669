// bench failover and bench compare as far as they need no cluster: what was given, and the figures
// of earlier runs.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "bench/failover/failover_json.h"
#include "runtime/file/posix_file_system.h"
#include "tests/cli/fixture.h"

namespace soliton::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class BenchCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = JoinPath(testing::TempDir(),
                       fmt::format("soliton-bench-{}",
                                   testing::UnitTest::GetInstance()->current_test_info()->name()));
    ASSERT_TRUE(fs_.RemoveTree(folder_).ok());
    ASSERT_TRUE(fs_.CreateDirectories(folder_).ok());
  }
  std::string At(const std::string& name) const { return JoinPath(folder_, name); }
  // A measurement of one run in which a partition was away for `outage`.
  std::string Measured(const std::string& name, Duration outage) {
    bench::RunRecord run;
    run.victim = 1;
    run.led_by_victim = 1;
    run.partitions = 1;
    run.fault_at = seconds(2);
    run.load_end = seconds(4);
    run.verdict.sent = run.verdict.acked = run.verdict.read = 100;
    bench::PartitionOutage hit;
    hit.partition = 0;
    hit.led_by_victim = true;
    hit.last_ack = seconds(2);
    hit.first_ack = seconds(2) + outage;
    run.outages = {hit};
    bench::FailoverData data;
    data.setup.label = name;
    data.setup.fault = "kill-leader";
    data.setup.driver = "soliton";
    data.runs = {run};
    EXPECT_TRUE(WriteFileAtomically(fs_, At(name), bench::ToJson(data)).ok());
    return At(name);
  }

  PosixFileSystem fs_;
  std::string folder_;
};

TEST_F(BenchCommandTest, FaultsNeedNodes) {
  const Ran ran = RunWords({"bench", "failover", "--fault", "kill-leader"});
  EXPECT_EQ(ran.code, ExitCode::kUsage);
  EXPECT_THAT(ran.err, HasSubstr("--fault kill-leader needs to know the nodes"));
  EXPECT_THAT(ran.err, HasSubstr("--cluster bench/cluster"));
  EXPECT_THAT(RunWords({"bench", "failover", "--fault", "cut-link"}).err, HasSubstr("--proxy"));
  EXPECT_THAT(RunWords({"bench", "failover", "--cluster", "bench/cluster"}).err,
              HasSubstr("nothing is to be broken"));
}

TEST_F(BenchCommandTest, MalformedValuesAreNamed) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"--fault", "kill-leader", "--node", "1:5"}, "'1:5' is not ID=PID"},
      {{"--fault", "cut-link", "--proxy", "1=a"}, "'1=a' is not NODE="},
      {{"-X", "linger.ms=5"}, "-X sets librdkafka's settings"},
      {{"--driver", "librdkafka", "-X", "linger.ms"}, "'linger.ms' is not NAME=VALUE"},
      {{"--fault", "kill-leder"}, "kill-leader"},
      {{"--fault-cmd", "true", "--time", "1s"}, "--time ends before --fault-at"},
      {{"--fault-cmd", "true", "--warm-up", "3s"}, "--warm-up must be shorter"},
      {{"--fault-cmd", "true", "--recover-at", "1s"}, "--recover-at must be after"}};
  for (const auto& [given, message] : wrong) {
    std::vector<std::string> words = {"bench", "failover"};
    words.insert(words.end(), given.begin(), given.end());
    const Ran ran = RunWords(words);
    EXPECT_EQ(ran.code, ExitCode::kUsage) << message;
    EXPECT_THAT(ran.err, HasSubstr(message));
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(BenchCommandTest, FiguresAreShownAgain) {
  const std::string file = Measured("ours.json", milliseconds(40));
  const Ran ran = RunWords({"bench", "failover", "--from", file, "--report", At("report.html"),
                            "--label", "another name"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("another name: soliton, kill-leader"));
  EXPECT_THAT(ran.out, HasSubstr("40.0 ms"));
  EXPECT_THAT(*ReadFile(fs_, At("report.html")), HasSubstr("<svg"));
  EXPECT_THAT(*ReadFile(fs_, At("report.svg")), HasSubstr("another name"));
}

TEST_F(BenchCommandTest, FilesThatAreNoFigures) {
  EXPECT_EQ(RunWords({"bench", "failover", "--from", At("nowhere")}).code, ExitCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomically(fs_, At("other"), "{\"version\":1}").ok());
  const Ran other = RunWords({"bench", "failover", "--from", At("other")});
  EXPECT_EQ(other.code, ExitCode::kFailed);
  EXPECT_THAT(other.err, HasSubstr("version 1 of the figures"));
}

TEST_F(BenchCommandTest, ComparesSideBySide) {
  const std::string ours = Measured("ours", milliseconds(40));
  const std::string theirs = Measured("theirs", seconds(8));
  const Ran ran = RunWords({"bench", "compare", ours, theirs, "--report", At("both.svg")});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
  EXPECT_THAT(ran.out, testing::ContainsRegex("ours +theirs\n"));
  EXPECT_THAT(ran.out, testing::ContainsRegex("40.0 ms .*8.00 s"));
  EXPECT_THAT(*ReadFile(fs_, At("both.svg")), HasSubstr("theirs: kill-leader"));
  EXPECT_EQ(RunWords({"bench", "compare", ours}).code, ExitCode::kUsage);
  const Ran ending = RunWords({"bench", "compare", ours, theirs, "--report", At("both.pdf")});
  EXPECT_EQ(ending.code, ExitCode::kFailed);
  EXPECT_THAT(ending.err, HasSubstr("ends in .html or .svg"));
}

}  // namespace
}  // namespace soliton::cli

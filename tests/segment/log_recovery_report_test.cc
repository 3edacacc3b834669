// What a recovery tells about what it found.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/obs/logging.h"
#include "tests/segment/log_fixture.h"

namespace soliton::segment {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class LogRecoveryReportTest : public LogTest {
 protected:
  LogRecoveryReportTest() {
    options.segment_bytes = 1000;
    options.index_interval_bytes = 150;
    SetLogSink([this](LogLevel level, std::string_view message) {
      if (level == LogLevel::kInfo) infos_.emplace_back(message);
      if (level >= LogLevel::kWarn) warnings_.emplace_back(message);
    });
  }
  ~LogRecoveryReportTest() override { SetLogSink(nullptr); }

  void Fill(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(Append({.records = 2, .value = std::string(60, 'x')}, 1).error,
                kafka::ErrorCode::NONE);
    }
  }
  // Durable, with all that follows from it.
  void FlushAll() {
    while (Flush()) {
    }
  }
  void Reopen() {
    log.reset();
    fs.ProcessExited();
    infos_.clear();
    warnings_.clear();
    MustOpen();
  }
  std::string LogName(int64_t base_offset) const {
    return PathOf(fmt::format("{:020}.log", base_offset));
  }
  void Overwrite(const std::string& path, std::string_view content) {
    ASSERT_TRUE(WriteFileAtomically(fs, path, content).ok());
  }

  std::vector<std::string> infos_;
  std::vector<std::string> warnings_;
};

TEST_F(LogRecoveryReportTest, AGoodLogIsOpenedWithoutAWord) {
  MustOpen();
  Fill(20);
  FlushAll();
  Reopen();
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_THAT(infos_, IsEmpty());
}

TEST_F(LogRecoveryReportTest, ATornTailIsToldOfWithItsSize) {
  MustOpen();
  Fill(2);
  FlushAll();
  log.reset();
  const std::string good = *ReadFile(fs, LogName(0));
  Overwrite(LogName(0), good + std::string(good.substr(0, 70)));
  Reopen();
  EXPECT_THAT(warnings_, IsEmpty()) << "nothing was lost that anybody was promised";
  EXPECT_THAT(infos_, Contains(HasSubstr("cut 70 bytes behind offset 4")));
  EXPECT_THAT(infos_, Contains(HasSubstr(directory)));
}

TEST_F(LogRecoveryReportTest, SideFilesThatAreNotWhatTheyWereAreNamed) {  // S53
  MustOpen();
  Fill(20);
  FlushAll();
  ASSERT_GT(log->segment_count(), 2);
  for (const char* name : {"00000000000000000000.index", "leader-epoch-checkpoint"}) {
    log.reset();
    const std::string good = *ReadFile(fs, PathOf(name));
    Overwrite(PathOf(name), "\xff" + good.substr(1));
    Reopen();
    EXPECT_THAT(warnings_, SizeIs(1)) << name;
    EXPECT_THAT(warnings_, Contains(HasSubstr(std::string_view(name) == "leader-epoch-checkpoint"
                                                  ? name
                                                  : "00000000000000000000.log")));
    EXPECT_EQ(log->log_end_offset(), 40);
    Reopen();
    EXPECT_THAT(warnings_, IsEmpty()) << name << " was put right";
  }
}

TEST_F(LogRecoveryReportTest, ADamagedSnapshotIsNamed) {  // S53
  MustOpen();
  Fill(20);
  FlushAll();
  std::string newest;
  const auto entries = fs.List(directory);
  for (const DirectoryEntry& entry : *entries) {
    if (entry.name.ends_with(".snapshot")) newest = entry.name;
  }
  ASSERT_FALSE(newest.empty());
  log.reset();
  Overwrite(PathOf(newest), "no snapshot");
  Reopen();
  EXPECT_THAT(warnings_, Contains(HasSubstr(newest)));
}

}  // namespace
}  // namespace soliton::segment

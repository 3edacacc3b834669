// What a start says of what it mends, and what becomes of damage that no start reads.
#include "protocol/record/record_batch.h"
#include "runtime/base/endian.h"
#include "runtime/obs/logging.h"
#include "segment/verify/log_verifier.h"
#include "tests/segment/log_recovery_fixture.h"

namespace soliton::segment {
namespace {

TEST_F(LogRecoveryTest, WhatIsCutOrRebuiltIsSaid) {
  std::vector<std::string> lines;
  SetLogSink([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  MustOpen();
  Fill(20);
  Flush();
  ASSERT_GT(log->segment_count(), 2);
  log.reset();
  MustOpen();
  EXPECT_TRUE(lines.empty()) << lines.front();
  log.reset();
  const std::string last = PathOf(Names(".log").back());
  Overwrite(last, *ReadFile(fs, last) + "torn");
  Remove(PathOf(Names(".index").at(0)));
  Overwrite(PathOf(Names(".index").at(0)), "no index");  // of the second segment
  MustOpen();
  SetLogSink(nullptr);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_NE(lines[0].find("00000000000000000000.log has no index files; they are rebuilt"),
            std::string::npos)
      << lines[0];
  EXPECT_NE(lines[1].find(".log do not fit it; they are rebuilt"), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find("cut 4 bytes behind offset 40"), std::string::npos) << lines[2];
}

// Rot in a base offset, which no checksum covers: a durable segment seems to end far behind the
// beginning of the next one. That is no reason to cut what follows.
TEST_F(LogRecoveryTest, ADurableSegmentThatSeemsToReachFurtherIsDamage) {
  MustOpen();
  Fill(20);
  Flush();
  Fill(1);
  Flush();
  ASSERT_GT(log->segment_count(), 2);
  log.reset();
  std::string bytes = *ReadFile(fs, LogName(0));
  size_t last = 0;
  for (size_t next = 0; next < bytes.size();) {
    last = next;
    next += 12 + LoadBigEndian<uint32_t>(reinterpret_cast<const uint8_t*>(&bytes[next + 8]));
  }
  bytes[last + 6] = static_cast<char>(bytes[last + 6] ^ 0x80);
  Overwrite(LogName(0), bytes);
  const std::vector<std::string> before = Names(".log");
  for (const bool indexed : {true, false}) {
    if (!indexed) Remove(PathOf(Names(".index").at(0)));
    const absl::Status status = Open();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_NE(status.message().find("were durable"), std::string::npos) << status;
    EXPECT_EQ(Names(".log"), before) << "nothing is removed";
  }
}

// The last act of a clean stop is durable, the producers' snapshot included.
TEST_F(LogRecoveryTest, PowerLossAfterACleanStopTearsNothing) {
  for (uint64_t draw = 0; draw < 20; ++draw) {
    MustOpen();
    Fill(3);
    Flush();
    ASSERT_TRUE(log->CloseCleanly().ok());
    log.reset();
    fs.CrashAndRecover(draw == 0 ? sim::CrashModel::kLoseUnsynced : sim::CrashModel::kRandom);
    const auto report = VerifyLog(fs, directory);
    ASSERT_TRUE(report.ok()) << report.status();
    for (const Finding& finding : report->findings) ADD_FAILURE() << ToText(finding);
  }
}

// The base offset lies outside the checksum, and a clean start reads no batch: a truncation to an
// offset that no batch holds must not leave what is above it.
TEST_F(LogRecoveryTest, TruncationToAnOffsetThatIsMissingIsDamage) {
  MustOpen();
  Fill(30);
  ASSERT_GT(log->segment_count(), 3);
  ASSERT_TRUE(log->CloseCleanly().ok());
  log.reset();
  fs.ProcessExited();
  std::string bytes = *ReadFile(fs, LogName(0));
  const size_t second = bytes.find(std::string(7, '\0') + '\2');
  ASSERT_NE(second, std::string::npos);
  // One record at offset 3 instead of two from 2 on: what follows still follows on.
  bytes[second + 7] = 3;
  bytes[second + kafka::batch_layout::kLastOffsetDelta + 3] = 0;
  Overwrite(LogName(0), bytes);
  MustOpen(/*clean_shutdown=*/true);
  const int64_t end = log->log_end_offset();
  const absl::Status status = log->TruncateTo(2);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_NE(status.message().find("no batch holds offset 2"), std::string::npos) << status;
  EXPECT_EQ(log->log_end_offset(), end);
  EXPECT_EQ(*ReadFile(fs, LogName(0)), bytes) << "nothing was cut";
}

}  // namespace
}  // namespace soliton::segment

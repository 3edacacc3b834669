// What a log folder tells about itself: how durable its mark of what is durable is, and damage.
#include <gtest/gtest.h>

#include <cerrno>

#include "runtime/base/os_error.h"

#include "tests/segment/log_fixture.h"

namespace soliton::segment {
namespace {

class LogMarkTest : public LogTest {
 protected:
  void Fill(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(Append({.records = 2, .value = std::string(60, 'x')}, 1).error,
                kafka::ErrorCode::NONE);
    }
  }
};

TEST_F(LogMarkTest, WithinASecondItIsAsDurableAsWhatItTells) {
  MustOpen();
  Fill(1);
  while (Flush()) {
  }
  Fill(3);
  while (Flush()) {
  }
  clock.wall_ms += 1000;
  EXPECT_TRUE(Flush()) << "for the mark alone";
  EXPECT_FALSE(Flush()) << "once";
  Crash(sim::CrashModel::kLoseUnsynced);
  const std::string path = PathOf("00000000000000000000.log");
  const std::string good = *ReadFile(fs, path);
  ASSERT_TRUE(WriteFileAtomically(fs, path, good.substr(0, good.size() - 10)).ok());
  const absl::Status status = Open();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status.ToString();
  ASSERT_TRUE(WriteFileAtomically(fs, path, good).ok());
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 8);
}

TEST_F(LogMarkTest, DamageThatIsReadIsNeverServedAndTheFolderNeverUsedAgain) {
  MustOpen();
  Fill(40);
  while (Flush()) {
  }
  ASSERT_TRUE(log->CloseCleanly().ok());
  const std::string path = PathOf("00000000000000000000.log");
  const auto bytes = ReadFile(fs, path);
  fs.FlipBit(path, static_cast<int64_t>(bytes->find("xxx", bytes->size() / 2)), 3);
  MustOpen(true);
  EXPECT_TRUE(log->Read(0, 80, 200, true).ok()) << "what is right is served";
  int64_t offset = 0;
  absl::Status status;
  while (offset < 80) {
    auto slice = log->Read(offset, 80, 1 << 20, true);
    status = slice.status();
    if (!status.ok()) break;
    offset = slice->end_offset;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("CRC mismatch"), std::string_view::npos) << status;
  EXPECT_FALSE(log->fatal_error().ok());
  const absl::Status again = Open();
  EXPECT_EQ(again.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(again.message().find("is not used any more"), std::string_view::npos) << again;
}

TEST_F(LogMarkTest, WhatThisProcessWroteIsServedWithoutBeingRead) {
  MustOpen();
  Fill(3);
  fs.FailAlways(sim::FileOperation::kRead, "", ErrnoStatus(EIO, "read", "file"));
  EXPECT_TRUE(log->Read(0, 6, 1 << 20, true).ok());
}

TEST_F(LogMarkTest, AReadThatFailsIsNoDamage) {
  MustOpen();
  Fill(40);
  while (Flush()) {
  }
  ASSERT_TRUE(log->CloseCleanly().ok());
  MustOpen(true);
  fs.FailAlways(sim::FileOperation::kRead, "", ErrnoStatus(EIO, "read", "file"));
  EXPECT_FALSE(log->Read(0, 80, 1 << 20, true).ok());
  EXPECT_TRUE(log->fatal_error().ok()) << log->fatal_error();
  fs.ClearFaults();
  EXPECT_TRUE(log->Read(0, 80, 1 << 20, true).ok());
}

// Deleted records are gone for readers; that their producers sent them is not (found by seed
// 504914).
TEST_F(LogMarkTest, WhatProducersHadSentOutlivesItsDeletion) {
  options.segment_bytes = 400;
  MustOpen();
  const auto send = [&](int32_t sequence) {
    return Append({.value = std::string(60, 'x'),
                   .producer_id = 7,
                   .producer_epoch = 0,
                   .base_sequence = sequence},
                  1);
  };
  for (int32_t sequence = 0; sequence < 10; ++sequence) {
    ASSERT_EQ(send(sequence).error, kafka::ErrorCode::NONE);
    while (sequence == 6 && Flush()) {
    }
  }
  ASSERT_GT(log->segment_count(), 2);
  // Up to the last segment, whose beginning no flush has seen yet.
  ASSERT_TRUE(log->AdvanceLogStart(9).ok());
  while (Flush()) {
  }
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_start_offset(), 9);
  for (int32_t sequence = 5; sequence < 10; ++sequence) {
    const AppendResult again = send(sequence);
    EXPECT_TRUE(again.duplicate) << sequence << ": " << again.error_message;
    EXPECT_EQ(again.base_offset, sequence);
  }
}

}  // namespace
}  // namespace soliton::segment

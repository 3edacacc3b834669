// Opening after an unclean stop: what was torn, what was rotten, what is missing, what is stale.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/segment/log_recovery_fixture.h"

namespace soliton::segment {
namespace {

using kafka::ErrorCode;

TEST_F(LogRecoveryTest, TornTailIsCut) {
  MustOpen();
  Fill(3);
  Flush();
  const std::string path = LogName(0);
  const std::string good = *ReadFile(fs, path);
  const Buffer next = MakeBatch({.records = 2}, 6, 1);
  for (size_t cut = 1; cut < next.size(); cut += 7) {
    log.reset();
    Overwrite(path, good + std::string(next.view().substr(0, cut)));
    MustOpen();
    ASSERT_EQ(log->log_end_offset(), 6) << cut;
    EXPECT_EQ(ReadFile(fs, path)->size(), good.size());
  }
  // Garbage and zeros, as some file systems leave behind the end.
  for (const std::string& tail : {std::string(100, '\0'), std::string(300, '\xff')}) {
    log.reset();
    Overwrite(path, good + tail);
    MustOpen();
    ASSERT_EQ(log->log_end_offset(), 6);
  }
  EXPECT_EQ(Append({}, 1).base_offset, 6);
}

TEST_F(LogRecoveryTest, DamagedUnflushedBatchEndsTheLog) {
  MustOpen();
  Fill(2);
  Flush();
  Fill(20);
  ASSERT_GT(log->segment_count(), 2);
  log.reset();
  fs.ProcessExited();
  std::string bytes = *ReadFile(fs, LogName(0));
  const size_t batch_bytes = bytes.size() / (bytes.size() / 195);
  bytes[batch_bytes * 3 + 100] ^= 1;
  Overwrite(LogName(0), bytes);
  MustOpen();
  EXPECT_GE(log->log_end_offset(), 4);
  EXPECT_LE(log->log_end_offset(), 8);
  EXPECT_EQ(log->segment_count(), 1) << "what follows the hole is gone";
  EXPECT_EQ(Names(".log").size(), 1u);
}

TEST_F(LogRecoveryTest, BatchesThatDoNotFollowOnEndTheLog) {
  MustOpen();
  Fill(2, 5);
  Flush();
  log.reset();
  const std::string good = *ReadFile(fs, LogName(0));
  const std::string point = *ReadFile(fs, PathOf("recovery-point.0"));
  struct {
    int64_t offset;
    int32_t leader_epoch;
    int64_t expected_end;
  } const kCases[] = {{4, 4, 4}, {5, 5, 4}, {3, 5, 4}, {0, 6, 4}, {4, 5, 6}, {4, 6, 6}};
  for (const auto& [offset, leader_epoch, expected_end] : kCases) {
    const Buffer next = MakeBatch({.records = 2}, offset, leader_epoch);
    log.reset();
    Overwrite(LogName(0), good + std::string(next.view()));
    Overwrite(PathOf("recovery-point.0"), point);
    MustOpen();
    EXPECT_EQ(log->log_end_offset(), expected_end) << offset << " epoch " << leader_epoch;
  }
}

TEST_F(LogRecoveryTest, DamageBelowTheDurableMarkIsReported) {  // S52
  MustOpen();
  Fill(3);
  Flush();
  Fill(1);
  Flush();
  log.reset();
  fs.ProcessExited();
  const std::string good = *ReadFile(fs, LogName(0));
  for (const size_t position : {size_t{5}, size_t{30}, size_t{200}, good.size() - 1}) {
    std::string bytes = good;
    bytes[position] ^= 4;
    Overwrite(LogName(0), bytes);
    const absl::Status status = Open();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << position << ": " << status.ToString();
    EXPECT_NE(status.message().find("00000000000000000000.log"), std::string::npos);
    EXPECT_EQ(*ReadFile(fs, LogName(0)), bytes) << "nothing was cut";
  }
  Overwrite(LogName(0), good.substr(0, good.size() - 10));
  EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss) << "a flushed tail is missing";
  Overwrite(LogName(0), good);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 8);
}

TEST_F(LogRecoveryTest, MissingFlushedSegmentIsReported) {
  MustOpen();
  Fill(30);
  Flush();
  ASSERT_GT(log->segment_count(), 3);
  const std::vector<std::string> names = Names(".log");
  log.reset();
  fs.ProcessExited();
  for (const size_t which : {size_t{0}, size_t{1}, names.size() - 1}) {
    const std::string content = *ReadFile(fs, PathOf(names[which]));
    Remove(PathOf(names[which]));
    EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss) << names[which];
    Overwrite(PathOf(names[which]), content);
  }
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 60);
}

TEST_F(LogRecoveryTest, ShortClosedSegmentIsReported) {
  MustOpen();
  Fill(30);
  Flush();
  Flush();
  log.reset();
  fs.ProcessExited();
  const std::string good = *ReadFile(fs, LogName(0));
  Overwrite(LogName(0), good.substr(0, good.size() - 50));
  EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss);
  Overwrite(LogName(0), good.substr(0, good.size() / 2));
  EXPECT_EQ(Open().code(), absl::StatusCode::kDataLoss);
}

TEST_F(LogRecoveryTest, LostMarkMeansMoreCareNotLoss) {
  MustOpen();
  Fill(30);
  Flush();
  const std::vector<StoredBatch> before = ReadAll(*log);
  log.reset();
  fs.ProcessExited();
  for (const std::string& name : Names(".0")) Remove(PathOf(name));
  for (const std::string& name : Names(".1")) Remove(PathOf(name));
  MustOpen();
  EXPECT_EQ(ReadAll(*log), before);
}

TEST_F(LogRecoveryTest, IndexesAreRebuilt) {  // S53
  MustOpen();
  Fill(40);
  Flush();
  ASSERT_TRUE(log->CloseCleanly().ok());
  const std::vector<StoredBatch> before = [&] {
    MustOpen(true);
    auto all = ReadAll(*log);
    EXPECT_TRUE(log->CloseCleanly().ok());
    return all;
  }();
  ASSERT_EQ(before.size(), 40u);
  const std::string index = PathOf(Names(".index").front());
  const std::string timeindex = PathOf(Names(".timeindex").front());
  const std::string good_index = *ReadFile(fs, index);
  const std::string good_timeindex = *ReadFile(fs, timeindex);
  ASSERT_GE(good_index.size(), 16u);
  const std::string other_index = *ReadFile(fs, PathOf(Names(".index")[1]));

  const auto check = [&](std::string_view what) {
    for (const bool clean : {true, false}) {
      const absl::Status status = Open(clean);
      ASSERT_TRUE(status.ok()) << what << ": " << status.ToString();
      EXPECT_EQ(ReadAll(*log, 0, 80, 300), before) << what;
      const auto found = log->FindByTimestamp(clock.wall_ms, 80);
      ASSERT_TRUE(found.ok() && *found) << what;
      EXPECT_EQ((*found)->offset, 0) << what;
      ASSERT_TRUE(log->CloseCleanly().ok());
    }
  };
  Remove(index);
  check("no offset index");
  Remove(timeindex);
  check("no time index");
  Overwrite(index, good_index.substr(0, good_index.size() - 3));
  check("torn offset index");
  Overwrite(index, std::string(good_index.size(), '\0'));
  check("offset index of zeros");
  Overwrite(index, good_index.substr(0, 8));
  check("short offset index");
  Overwrite(timeindex, "");
  check("empty time index");
  Overwrite(timeindex, good_timeindex + std::string(5, '\0'));
  check("torn time index");
  std::string shifted = good_index;
  shifted[7] ^= 1;
  shifted[shifted.size() - 1] ^= 1;
  Overwrite(index, shifted);
  check("offset index that points beside the batches");
  Overwrite(PathOf("00000000000000000007.index"), good_index);
  check("index of no segment");
  EXPECT_FALSE(fs.Exists(PathOf("00000000000000000007.index")));
}

TEST_F(LogRecoveryTest, RetriesAreRecognisedAfterAnyRestart) {  // S39
  MustOpen();
  int sequence = 0;
  const auto append = [&](int32_t base_sequence) {
    return Append({.value = std::string(100, 'x'),
                   .producer_id = 9,
                   .producer_epoch = 2,
                   .base_sequence = base_sequence},
                  1);
  };
  const auto check = [&](std::string_view when) {
    for (int back = 1; back <= 5 && back <= sequence; ++back) {
      const AppendResult again = append(sequence - back);
      EXPECT_TRUE(again.duplicate) << when << ", " << back << " back";
      EXPECT_EQ(again.base_offset, sequence - back) << when;
    }
    EXPECT_EQ(append(sequence + 1).error, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER) << when;
    const AppendResult next = append(sequence);
    EXPECT_EQ(next.error, ErrorCode::NONE) << when;
    EXPECT_FALSE(next.duplicate) << when;
    ++sequence;
  };
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(append(sequence).error, ErrorCode::NONE);
    ++sequence;
  }
  ASSERT_GT(log->segment_count(), 3);
  Flush();
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  check("after a power loss");
  ASSERT_TRUE(log->CloseCleanly().ok());
  MustOpen(true);
  check("after a clean stop");
  Flush();
  log.reset();
  fs.ProcessExited();
  MustOpen();
  check("after a killed process");
  Flush();
  log.reset();
  for (const std::string& name : Names(".snapshot")) Remove(PathOf(name));
  fs.ProcessExited();
  MustOpen();
  check("without snapshots");
  Flush();
  log.reset();
  for (const std::string& name : Names(".snapshot")) Overwrite(PathOf(name), "rotten");
  fs.ProcessExited();
  MustOpen();
  check("with rotten snapshots");
}

TEST_F(LogRecoveryTest, EpochFileIsRebuiltFromBatches) {
  MustOpen();
  for (int epoch = 1; epoch <= 6; ++epoch) Fill(5, epoch);
  Flush();
  const std::string path = PathOf("leader-epoch-checkpoint");
  const auto check = [&](std::string_view what) {
    log.reset();
    fs.ProcessExited();
    MustOpen();
    for (int epoch = 1; epoch <= 6; ++epoch) {
      EXPECT_EQ(log->EndOffsetForEpoch(epoch), (EpochEndOffset{epoch, epoch * 10})) << what;
    }
  };
  Remove(path);
  check("missing");
  for (const char* content : {"", "0\n1\n", "0\n1\nsix 0\n", "0\n2\n3 0\n2 5\n"}) {
    Overwrite(path, content);
    check(content);
  }
}

TEST_F(LogRecoveryTest, EpochsBeyondTheEndAreForgotten) {
  MustOpen();
  Fill(3, 1);
  Flush();
  log->AssignLeaderEpoch(5);
  Flush();
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->latest_leader_epoch(), 1);
  EXPECT_EQ(log->EndOffsetForEpoch(5), (EpochEndOffset{-1, -1}));
}

TEST_F(LogRecoveryTest, CleanMarkerIsNotBelievedBlindly) {
  MustOpen();
  Fill(3);
  ASSERT_TRUE(log->CloseCleanly().ok());
  const std::string good = *ReadFile(fs, LogName(0));
  Overwrite(LogName(0), good + std::string(MakeBatch({.records = 2}, 6, 1).view().substr(0, 50)));
  MustOpen(true);
  EXPECT_EQ(log->log_end_offset(), 6);
  ASSERT_TRUE(log->CloseCleanly().ok());
  Overwrite(LogName(0), good.substr(0, good.size() - 1));
  EXPECT_EQ(Open(true).code(), absl::StatusCode::kDataLoss);
}

TEST_F(LogRecoveryTest, ForeignTopicIdIsRefused) {
  MustOpen();
  log.reset();
  topic_id = Uuid{7, 7};
  const absl::Status status = Open();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find(Uuid({1, 2}).ToString()), std::string::npos) << status.ToString();
}

TEST_F(LogRecoveryTest, LeftoversAreRemoved) {
  MustOpen();
  Fill(2);
  Flush();
  log.reset();
  Overwrite(PathOf("00000000000000000000.log.deleted"), "x");
  Overwrite(PathOf("leader-epoch-checkpoint.tmp"), "x");
  MustOpen();
  EXPECT_FALSE(fs.Exists(PathOf("00000000000000000000.log.deleted")));
  EXPECT_FALSE(fs.Exists(PathOf("leader-epoch-checkpoint.tmp")));
  EXPECT_EQ(log->log_end_offset(), 4);
}

// ---- errors while running (S51) ----

TEST_F(LogRecoveryTest, FailedSyncFencesTheLog) {
  MustOpen();
  Fill(2);
  Flush();
  Fill(2);
  fs.FailNext(sim::FileOperation::kSync, ".log", absl::UnavailableError("input/output error"));
  EXPECT_TRUE(Flush());
  EXPECT_FALSE(log->fatal_error().ok());
  EXPECT_EQ(log->flushed_offset(), 4);
  EXPECT_EQ(Append({}, 1).error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_FALSE(log->TakeFlush());
  EXPECT_FALSE(log->TruncateTo(2).ok());
  EXPECT_FALSE(log->CloseCleanly().ok());
  EXPECT_EQ(ReadAll(*log, 0, 4).size(), 2u) << "what is durable can still be read";
  log.reset();
  fs.CrashAndRecover(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 4);
}

TEST_F(LogRecoveryTest, BytesOfAFailedSyncAreWrittenAgain) {
  // The kernel marks pages clean when their write fails: they read well, a second sync "succeeds",
  // and the disk has nothing.
  MustOpen();
  Fill(2);
  Flush();
  Fill(2);
  fs.FailNext(sim::FileOperation::kSync, ".log", absl::UnavailableError("input/output error"));
  EXPECT_TRUE(Flush());
  log.reset();
  fs.ProcessExited();
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 8);
  EXPECT_EQ(log->flushed_offset(), 8);
  Fill(1);
  Flush();
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 10);
  EXPECT_EQ(ReadAll(*log).size(), 5u);
  EXPECT_FALSE(fs.Exists(PathOf("sync-failed")));
}

TEST_F(LogRecoveryTest, AFailedSyncIsRememberedThoughEverySyncFailsAndTheProcessDiesAtOnce) {
  MustOpen();
  Fill(2);
  Flush();
  Fill(2);
  auto ticket = log->TakeFlush();
  ASSERT_TRUE(ticket);
  fs.FailNext(sim::FileOperation::kSync, "", absl::UnavailableError("input/output error"), 100);
  EXPECT_FALSE(ticket->Run(fs).ok());
  log.reset();  // killed: nobody has heard of the failure
  fs.ProcessExited();
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 8);
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 8);
  EXPECT_EQ(ReadAll(*log).size(), 4u);
}

TEST_F(LogRecoveryTest, FailedAppendFencesTheLog) {
  MustOpen();
  Fill(2);
  Flush();
  fs.FailNext(sim::FileOperation::kAppend, ".log", absl::DataLossError("Input/output error"));
  const AppendResult result = Append({}, 1);
  EXPECT_EQ(result.error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_FALSE(result.disk_full);
  EXPECT_NE(result.error_message.find("Input/output error"), std::string::npos);
  EXPECT_EQ(log->log_end_offset(), 4);
  EXPECT_EQ(Append({}, 1).error, ErrorCode::KAFKA_STORAGE_ERROR);
  log.reset();
  fs.ProcessExited();
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 4);
  EXPECT_EQ(Append({}, 1).base_offset, 4);
}

TEST_F(LogRecoveryTest, FullDiskRefusesAppendsAndTheLogGoesOn) {  // S58
  MustOpen();
  Fill(2);
  Flush();
  const std::string before = *ReadFile(fs, LogName(0));
  for (int i = 0; i < 5; ++i) {
    fs.FailNext(sim::FileOperation::kAppend, ".log", absl::ResourceExhaustedError("disk full"));
    const AppendResult result = Append({}, 1);
    EXPECT_EQ(result.error, ErrorCode::KAFKA_STORAGE_ERROR);
    EXPECT_TRUE(result.disk_full);
    EXPECT_NE(result.error_message.find(LogName(0)), std::string::npos) << result.error_message;
    EXPECT_EQ(*ReadFile(fs, LogName(0)), before) << "what the disk took was cut off again";
    EXPECT_TRUE(log->fatal_error().ok());
    EXPECT_EQ(ReadAll(*log).size(), 2u);
  }
  EXPECT_EQ(Append({}, 1).base_offset, 4);
  Flush();
  EXPECT_EQ(log->flushed_offset(), 5);
}

TEST_F(LogRecoveryTest, FullDiskRefusesARollAndTheLogGoesOn) {
  MustOpen();
  Fill(4);
  fs.FailNext(sim::FileOperation::kCreate, ".log", absl::ResourceExhaustedError("disk full"));
  const BatchSpec spec = {.records = 2, .value = std::string(60, 'x')};
  int appended = 4;
  AppendResult result;
  while ((result = Append(spec, 1)).error == ErrorCode::NONE) ++appended;
  EXPECT_TRUE(result.disk_full);
  EXPECT_EQ(log->segment_count(), 1);
  EXPECT_EQ(Append(spec, 1).base_offset, 2 * appended);
  EXPECT_EQ(log->segment_count(), 2);
  Flush();
  Crash(sim::CrashModel::kLoseUnsynced);
  MustOpen();
  EXPECT_EQ(log->log_end_offset(), 2 * appended + 2);
}

TEST_F(LogRecoveryTest, ASyncThatFindsTheDiskFullHasLostBytes) {
  // Delayed allocation: the disk is found full when the pages are written back.
  MustOpen();
  Fill(2);
  fs.FailNext(sim::FileOperation::kSync, ".log", absl::ResourceExhaustedError("disk full"));
  EXPECT_TRUE(Flush());
  EXPECT_FALSE(log->fatal_error().ok());
  EXPECT_EQ(log->flushed_offset(), 0);
}

}  // namespace
}  // namespace soliton::segment

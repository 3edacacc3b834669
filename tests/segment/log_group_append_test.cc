// Batches of several requests that are appended together: one write, and the results that each
// would have got by itself.
#include <gtest/gtest.h>

#include "tests/segment/log_fixture.h"

namespace soliton::segment {
namespace {

using kafka::ErrorCode;

class LogGroupAppendTest : public LogTest {
 protected:
  static BatchSpec OfProducer(int32_t sequence, int16_t epoch = 0) {
    return {.value = std::string(100, 'p'),
            .producer_id = 7,
            .producer_epoch = epoch,
            .base_sequence = sequence};
  }
  std::vector<AppendResult> AppendAll(const std::vector<BatchSpec>& specs) {
    std::vector<Buffer> batches;
    for (const BatchSpec& spec : specs) batches.push_back(MakeBatch(spec));
    return log->AppendAsLeader(batches, 0);
  }
  static std::vector<ErrorCode> ErrorsOf(const std::vector<AppendResult>& results) {
    std::vector<ErrorCode> errors;
    for (const AppendResult& result : results) errors.push_back(result.error);
    return errors;
  }
  // The disk takes this many bytes more, in whatever file.
  void LeaveRoomFor(int64_t bytes) { fs.set_capacity_bytes(fs.used_bytes() + bytes); }
};

TEST_F(LogGroupAppendTest, OneWriteForAll) {
  MustOpen();
  const uint64_t before = fs.operation_count();
  const auto results = AppendAll({{.records = 2}, {.records = 1}, {.records = 3}});
  EXPECT_EQ(fs.operation_count(), before + 1);
  EXPECT_EQ(results[0].base_offset, 0);
  EXPECT_EQ(results[1].base_offset, 2);
  EXPECT_EQ(results[2].base_offset, 3);
  EXPECT_EQ(results[2].last_offset, 5);
  const auto all = ReadAll(*log);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].bytes, MakeBatch({.records = 3}, 3, 0).view());
  EXPECT_EQ(ReadAll(*log, 2, 3).front().base_offset, 2) << "each has its place";
}

TEST_F(LogGroupAppendTest, NothingAppendedIsNothingWritten) {
  MustOpen();
  const uint64_t before = fs.operation_count();
  EXPECT_TRUE(log->AppendAsLeader(std::span<const Buffer>(), 0).empty());
  EXPECT_EQ(fs.operation_count(), before);
}

TEST_F(LogGroupAppendTest, ABadBatchLeavesTheOthersAlone) {
  MustOpen();
  Buffer damaged = MakeBatch({.records = 1});
  damaged.mutable_data()[damaged.size() - 1] ^= 1;
  const std::vector<Buffer> batches = {MakeBatch({.records = 2}), damaged, Buffer(),
                                       MakeBatch({.records = 1})};
  const auto results = log->AppendAsLeader(batches, 0);
  EXPECT_EQ(results[0].error, ErrorCode::NONE);
  EXPECT_EQ(results[1].error, ErrorCode::CORRUPT_MESSAGE);
  EXPECT_NE(results[2].error, ErrorCode::NONE);
  EXPECT_EQ(results[3].base_offset, 2);
  EXPECT_EQ(log->log_end_offset(), 3);
}

TEST_F(LogGroupAppendTest, AProducersBatchesFollowEachOther) {
  MustOpen();
  const auto results = AppendAll({OfProducer(0), OfProducer(1), OfProducer(3), OfProducer(2)});
  EXPECT_EQ(ErrorsOf(results),
            (std::vector{ErrorCode::NONE, ErrorCode::NONE, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
                         ErrorCode::NONE}));
  EXPECT_EQ(results[3].base_offset, 2);
  EXPECT_EQ(AppendAll({OfProducer(3)})[0].base_offset, 3) << "and those that come later";
}

TEST_F(LogGroupAppendTest, ARetryBesideItsOriginalIsADuplicate) {
  MustOpen();
  const auto results = AppendAll({OfProducer(0), OfProducer(1), OfProducer(0), OfProducer(2)});
  EXPECT_TRUE(results[2].duplicate);
  EXPECT_EQ(results[2].base_offset, results[0].base_offset);
  EXPECT_EQ(results[3].base_offset, 2);
  EXPECT_EQ(log->log_end_offset(), 3);
}

TEST_F(LogGroupAppendTest, SegmentsRollWhereTheyWouldHave) {
  options.segment_bytes = 1000;
  std::vector<BatchSpec> specs;
  for (int i = 0; i < 20; ++i) specs.push_back({.value = std::string(40 + 20 * (i % 5), 'x')});
  specs[13].timestamp_ms += options.segment_ms + 1;
  MustOpen();
  for (const BatchSpec& spec : specs) Append(spec);
  const auto singly = fs.List(directory);
  const auto batches = ReadAll(*log);
  log.reset();
  directory = "/data/topic-1";
  MustOpen();
  AppendAll(specs);
  const auto together = fs.List(directory);
  ASSERT_EQ(singly->size(), together->size());
  for (size_t i = 0; i < singly->size(); ++i) EXPECT_EQ((*singly)[i].name, (*together)[i].name);
  EXPECT_EQ(ReadAll(*log), batches);
}

TEST_F(LogGroupAppendTest, AFullDiskRefusesWhatDoesNotFit) {
  MustOpen();
  const auto size = static_cast<int64_t>(MakeBatch({.value = std::string(100, 'x')}).size());
  LeaveRoomFor(2 * size + size / 2);
  const auto results = AppendAll({{.value = std::string(100, 'x')},
                                  {.value = std::string(100, 'x')},
                                  {.value = std::string(100, 'x')},
                                  {.value = "small"}});
  EXPECT_EQ(ErrorsOf(results), (std::vector{ErrorCode::NONE, ErrorCode::NONE,
                                            ErrorCode::KAFKA_STORAGE_ERROR, ErrorCode::NONE}));
  EXPECT_TRUE(results[2].disk_full);
  EXPECT_EQ(results[3].base_offset, 2);
  EXPECT_TRUE(log->fatal_error().ok());
  fs.set_capacity_bytes(std::nullopt);
  EXPECT_EQ(AppendAll({{}, {}})[1].base_offset, 4);
  EXPECT_EQ(ReadAll(*log).size(), 5u);
}

TEST_F(LogGroupAppendTest, AFullDiskLeavesProducersAsTheLogHasThem) {
  MustOpen();
  AppendAll({OfProducer(0)});
  const auto size = static_cast<int64_t>(MakeBatch(OfProducer(1)).size());
  LeaveRoomFor(size);
  // The retry's original is refused, so it is none.
  const auto results = AppendAll({OfProducer(1), OfProducer(2), OfProducer(2), OfProducer(3)});
  EXPECT_EQ(ErrorsOf(results),
            (std::vector{ErrorCode::NONE, ErrorCode::KAFKA_STORAGE_ERROR,
                         ErrorCode::KAFKA_STORAGE_ERROR, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER}));
  fs.set_capacity_bytes(std::nullopt);
  const auto again = AppendAll({OfProducer(2), OfProducer(3)});
  EXPECT_EQ(again[0].base_offset, 2);
  EXPECT_EQ(again[1].base_offset, 3);
}

TEST_F(LogGroupAppendTest, WhatFollowsARefusedFirstBatchIsNotItsProducersBeginning) {
  MustOpen();
  BatchSpec large = OfProducer(0);
  large.value = std::string(500, 'x');
  LeaveRoomFor(static_cast<int64_t>(MakeBatch(OfProducer(1)).size()) * 2);
  EXPECT_EQ(ErrorsOf(AppendAll({large, OfProducer(1), {.value = "of nobody"}})),
            (std::vector{ErrorCode::KAFKA_STORAGE_ERROR, ErrorCode::KAFKA_STORAGE_ERROR,
                         ErrorCode::NONE}));
  fs.set_capacity_bytes(std::nullopt);
  EXPECT_EQ(ErrorsOf(AppendAll({large, OfProducer(1)})),
            (std::vector{ErrorCode::NONE, ErrorCode::NONE}));
}

TEST_F(LogGroupAppendTest, AnOldEpochIsNotRefusedForABatchThatWasNotWritten) {
  MustOpen();
  AppendAll({OfProducer(0)});
  LeaveRoomFor(static_cast<int64_t>(MakeBatch(OfProducer(1)).size()));
  BatchSpec large = OfProducer(0, /*epoch=*/1);
  large.value = std::string(500, 'x');
  EXPECT_EQ(ErrorsOf(AppendAll({large, OfProducer(1)})),
            (std::vector{ErrorCode::KAFKA_STORAGE_ERROR, ErrorCode::NONE}));
}

TEST_F(LogGroupAppendTest, AnIoErrorFailsAllOfItsWriteAndWhatComesAfter) {
  MustOpen();
  fs.FailNext(sim::FileOperation::kAppend, ".log", absl::DataLossError("EIO"));
  const auto results = AppendAll({OfProducer(0), OfProducer(1), OfProducer(0), OfProducer(2)});
  for (const AppendResult& result : results) {
    EXPECT_EQ(result.error, ErrorCode::KAFKA_STORAGE_ERROR);
    EXPECT_FALSE(result.duplicate);
    EXPECT_FALSE(result.disk_full);
    EXPECT_NE(result.error_message.find("EIO"), std::string::npos) << result.error_message;
  }
  EXPECT_FALSE(log->fatal_error().ok());
  EXPECT_EQ(log->log_end_offset(), 0);
}

TEST_F(LogGroupAppendTest, WhatWasWrittenBeforeAnIoErrorStays) {
  options.segment_bytes = 300;
  MustOpen();
  fs.FailNext(sim::FileOperation::kAppend, "00000000000000000002.log", absl::DataLossError("EIO"));
  const BatchSpec spec = {.value = std::string(50, 'x')};
  const auto results = AppendAll({spec, spec, spec, spec});
  EXPECT_EQ(ErrorsOf(results),
            (std::vector{ErrorCode::NONE, ErrorCode::NONE, ErrorCode::KAFKA_STORAGE_ERROR,
                         ErrorCode::KAFKA_STORAGE_ERROR}));
  EXPECT_EQ(log->log_end_offset(), 2);
}

}  // namespace
}  // namespace soliton::segment

#include "broker/disk_space_core.h"

#include <gtest/gtest.h>

namespace soliton::broker {
namespace {

using Change = DiskSpaceCore::Change;
using kafka::ErrorCode;
constexpr int64_t kGib = int64_t{1} << 30;

TEST(DiskSpaceCore, FloorFollowsTheSizeOfTheDisk) {
  EXPECT_EQ(DiskSpaceCore::FloorOf(1000 * kGib), 20 * kGib);
  EXPECT_EQ(DiskSpaceCore::FloorOf(20 * kGib), kGib);
  EXPECT_EQ(DiskSpaceCore::FloorOf(kGib), kGib / 4);
}

TEST(DiskSpaceCore, RefusesBelowTheFloorAndClearsWellAboveIt) {
  DiskSpaceCore core("/data", 1000);
  MonotonicTime now{};
  const auto measured = [&](int64_t free) {
    now += seconds(1);
    return core.OnMeasured(now, {.free_bytes = free, .total_bytes = 100'000});
  };
  EXPECT_EQ(measured(50'000), Change::kNone);
  EXPECT_EQ(measured(1'999), Change::kLow);
  EXPECT_EQ(measured(1'500), Change::kNone) << "said once";
  EXPECT_EQ(measured(1'000), Change::kNone);
  EXPECT_FALSE(core.refusal());
  EXPECT_EQ(measured(999), Change::kFull);
  ASSERT_TRUE(core.refusal());
  EXPECT_NE(core.refusal()->message.find("/data"), std::string::npos);
  EXPECT_NE(core.refusal()->message.find("storage.min.free.bytes"), std::string::npos);
  for (int64_t free : {1'000, 1'200, 999, 1'249}) EXPECT_EQ(measured(free), Change::kNone) << free;
  EXPECT_TRUE(core.refusal()) << "it does not flap";
  EXPECT_EQ(measured(1'250), Change::kRoomAgain);
  EXPECT_FALSE(core.refusal());
  EXPECT_EQ(measured(1'250), Change::kNone);
  EXPECT_EQ(measured(5'000), Change::kNone);
  EXPECT_EQ(measured(0), Change::kFull);
}

TEST(DiskSpaceCore, ClientsRetryAtFirstAndReportLater) {
  DiskSpaceCore core("/data", 1000);
  const MonotonicTime full = MonotonicTime{} + seconds(5);
  core.OnMeasured(full, {.free_bytes = 0, .total_bytes = 100'000});
  core.OnMeasured(full + seconds(20), {.free_bytes = 10, .total_bytes = 100'000});
  EXPECT_EQ(core.refusal()->ErrorAt(full + seconds(29)), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(core.refusal()->ErrorAt(full + seconds(30)), ErrorCode::POLICY_VIOLATION);
}

TEST(DiskSpaceCore, TheLessRoomTheSoonerItIsMeasuredAgain) {
  DiskSpaceCore core("/data", 1 << 20);
  core.OnMeasured({}, {.free_bytes = 801 << 20, .total_bytes = kGib});
  EXPECT_EQ(core.AllowanceOf(2), 100 << 20);
  core.OnMeasured({}, {.free_bytes = 2 << 20, .total_bytes = kGib});
  EXPECT_EQ(core.AllowanceOf(2), 1 << 17);
  core.OnMeasured({}, {.free_bytes = 0, .total_bytes = kGib});
  EXPECT_EQ(core.AllowanceOf(2), 1 << 16);
}

TEST(DiskSpaceCore, NoFloorNeverRefuses) {
  DiskSpaceCore core("/data", 0);
  EXPECT_EQ(core.OnMeasured({}, {.free_bytes = 0, .total_bytes = 100}), Change::kNone);
  EXPECT_FALSE(core.refusal());
}

}  // namespace
}  // namespace soliton::broker

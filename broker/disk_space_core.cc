#include "broker/disk_space_core.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::broker {
namespace {

constexpr int64_t kMib = int64_t{1} << 20;
constexpr int64_t kLeastFloor = 1024 * kMib;
constexpr int64_t kLeastAllowance = 64 * 1024;

}  // namespace

int64_t DiskSpaceCore::FloorOf(int64_t total_bytes) {
  return std::min(std::max(kLeastFloor, total_bytes / 50), total_bytes / 4);
}

int64_t DiskSpaceCore::AllowanceOf(int64_t appenders) const {
  return std::max(room_bytes_ / (4 * appenders), kLeastAllowance);
}

DiskSpaceCore::Change DiskSpaceCore::OnMeasured(MonotonicTime now, const DiskSpace& space) {
  const int64_t floor = floor_bytes_ == kFloorFromDisk ? FloorOf(space.total_bytes) : floor_bytes_;
  const int64_t free = space.free_bytes;
  room_bytes_ = std::max<int64_t>(free - floor, 0);
  text_ = fmt::format("{} MiB of {} MiB are free on the disk of {}, the floor is {} MiB",
                      free / kMib, space.total_bytes / kMib, directory_, floor / kMib);
  if (refusal_) {
    if (free < floor + floor / 4) return Change::kNone;
    refusal_.reset();
    low_ = free < floor * 2;
    return Change::kRoomAgain;
  }
  if (free < floor) {
    low_ = true;
    refusal_ = AppendRefusal{now, fmt::format("the broker's disk is full: {} "
                                              "(storage.min.free.bytes); free some space, or let "
                                              "retention or deleted topics do it",
                                              text_)};
    return Change::kFull;
  }
  const bool was_low = low_;
  low_ = free < floor * 2;
  return low_ && !was_low ? Change::kLow : Change::kNone;
}

}  // namespace soliton::broker

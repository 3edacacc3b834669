// Whether the disk has room for what clients want to append, pure. Below the floor client appends
// are refused, loudly; everything that was written stays readable, and replication, deletes and
// retention go on in what is left. Clears by itself once a good deal more than the floor is free,
// so that it does not flap.
//
// For the first while the refusal is one that clients retry (the space may come back soon), then
// one that they report, so that none hangs silently.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/wire/error_code.h"
#include "runtime/base/disk_space.h"
#include "runtime/loop/clock.h"

namespace soliton::broker {

// -1: from the size of the disk.
inline constexpr int64_t kFloorFromDisk = -1;

// What clients are told meanwhile.
struct AppendRefusal {
  MonotonicTime since{};
  std::string message;

  static constexpr Duration kRetriableFor = seconds(30);
  kafka::ErrorCode ErrorAt(MonotonicTime now) const {
    return now - since < kRetriableFor ? kafka::ErrorCode::KAFKA_STORAGE_ERROR
                                       : kafka::ErrorCode::POLICY_VIOLATION;
  }
};

class DiskSpaceCore {
 public:
  // `floor_bytes` 0: never refuses.
  DiskSpaceCore(std::string directory, int64_t floor_bytes)
      : directory_(std::move(directory)), floor_bytes_(floor_bytes) {}

  // 2 % of the disk, at least 1 GiB, but never more than a quarter of a small one.
  static int64_t FloorOf(int64_t total_bytes);

  enum class Change { kNone, kLow, kFull, kRoomAgain };
  // Measured just now. kLow is a warning, given once on the way down.
  Change OnMeasured(MonotonicTime now, const DiskSpace& space);

  // How much each of so many appenders may write before the disk is measured again: the less room
  // there is, the sooner. A disk that takes a GiB a second must not be full between two seconds.
  int64_t AllowanceOf(int64_t appenders) const;
  const std::optional<AppendRefusal>& refusal() const { return refusal_; }
  // For a line of the log.
  const std::string& text() const { return text_; }

 private:
  const std::string directory_;
  const int64_t floor_bytes_;
  int64_t room_bytes_ = 0;  // above the floor
  bool low_ = false;
  std::optional<AppendRefusal> refusal_;
  std::string text_;
};

}  // namespace soliton::broker

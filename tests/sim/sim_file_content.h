// The bytes of one simulated file and what a crash would leave of them.
//
// The durable image is bytes_[0, common_) followed by durable_tail_ (bytes that an unsynced
// truncation cut or a later append overwrote). Everything after common_ in bytes_ is unsynced.
// Ranges whose Sync failed stay readable but are gone from the disk for good, as Linux does it: the
// pages are marked clean.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/base/random.h"

namespace soliton::sim {

enum class CrashModel {
  kLoseUnsynced,  // exactly what was synced survives
  kRandom,        // each unsynced effect is kept, dropped or torn, as the seed draws
};

// Decides, one by one, the independent questions that a power loss raises. A test that answers them
// in every way meets every wreck.
class CrashChooser {
 public:
  virtual ~CrashChooser() = default;
  // A number below `options`.
  virtual size_t Choose(size_t options) = 0;
};

class SimFileContent {
 public:
  int64_t size_bytes() const { return static_cast<int64_t>(bytes_.size()); }
  std::span<const uint8_t> bytes() const { return bytes_; }
  bool has_unsynced() const { return common_ != bytes_.size() || !durable_tail_.empty(); }

  // A crash changes nothing.
  bool is_durable() const { return !has_unsynced() && lost_.empty(); }

  void Append(std::span<const uint8_t> bytes);
  // Cuts; a size at or above the present one changes nothing.
  void Truncate(int64_t size_bytes);
  void Sync();
  // A Sync that reported an error: what was unsynced never reaches the disk.
  void FailSync();
  size_t ReadAt(int64_t position, std::span<uint8_t> out) const;
  // Power loss: bytes become what the disk holds.
  void Crash(CrashModel model, Random& random);
  // Likewise: all or nothing of what is unsynced, any of its sectors without the others, or a cut
  // at any sector or append.
  void Crash(CrashChooser& chooser);
  // Rot: flips one bit, on disk and in memory.
  void FlipBit(int64_t position, int bit);

 private:
  struct Range {
    size_t begin;
    size_t end;
  };

  std::vector<uint8_t> DurableImage() const;
  std::vector<uint8_t> DrawImage(Random& random) const;
  // As if all had been written back, but for what failed syncs lost.
  std::vector<uint8_t> WrittenImage(const std::vector<uint8_t>& durable) const;
  std::vector<uint8_t> ChooseImage(CrashChooser& chooser) const;
  std::vector<size_t> CutsAbove(size_t begin) const;
  void Become(std::vector<uint8_t> image);
  static void Damage(std::vector<uint8_t>& image, const std::vector<uint8_t>& durable, Range range,
                     Random& random);
  static void Clip(std::vector<Range>& ranges, size_t size);

  std::vector<uint8_t> bytes_;
  size_t common_ = 0;
  std::vector<uint8_t> durable_tail_;
  std::vector<Range> unsynced_;  // one per append since the last Sync
  std::vector<Range> lost_;      // appended, then their Sync failed
};

}  // namespace soliton::sim

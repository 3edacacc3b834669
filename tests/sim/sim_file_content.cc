#include "tests/sim/sim_file_content.h"

#include <algorithm>
#include <set>

#include "runtime/base/check.h"

namespace soliton::sim {
namespace {

constexpr size_t kSectorBytes = 512;

}  // namespace

void SimFileContent::Append(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return;
  unsynced_.push_back(Range{bytes_.size(), bytes_.size() + bytes.size()});
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void SimFileContent::Truncate(int64_t size_bytes) {
  CHECK(size_bytes >= 0);
  const size_t size = static_cast<size_t>(size_bytes);
  if (size >= bytes_.size()) return;
  if (size < common_) {
    durable_tail_.insert(durable_tail_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(size),
                         bytes_.begin() + static_cast<ptrdiff_t>(common_));
    common_ = size;
  }
  bytes_.resize(size);
  Clip(unsynced_, size);
}

void SimFileContent::Sync() {
  common_ = bytes_.size();
  durable_tail_.clear();
  unsynced_.clear();
  Clip(lost_, common_);
}

void SimFileContent::FailSync() {
  lost_.insert(lost_.end(), unsynced_.begin(), unsynced_.end());
  unsynced_.clear();
}

size_t SimFileContent::ReadAt(int64_t position, std::span<uint8_t> out) const {
  if (position < 0 || static_cast<size_t>(position) >= bytes_.size()) return 0;
  const size_t begin = static_cast<size_t>(position);
  const size_t count = std::min(out.size(), bytes_.size() - begin);
  std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(begin), count, out.begin());
  return count;
}

std::vector<uint8_t> SimFileContent::DurableImage() const {
  std::vector<uint8_t> image(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(common_));
  // Never written, though a later Sync made the size durable. Ranges above common_ are not in the
  // image.
  for (const Range& range : lost_) {
    for (size_t i = range.begin; i < std::min(range.end, image.size()); ++i) image[i] = 0;
  }
  image.insert(image.end(), durable_tail_.begin(), durable_tail_.end());
  return image;
}

std::vector<uint8_t> SimFileContent::WrittenImage(const std::vector<uint8_t>& durable) const {
  std::vector<uint8_t> image = bytes_;
  for (const Range& range : lost_) {
    const size_t end = std::min(range.end, image.size());
    for (size_t i = range.begin; i < end; ++i) image[i] = i < durable.size() ? durable[i] : 0;
  }
  return image;
}

std::vector<size_t> SimFileContent::CutsAbove(size_t begin) const {
  std::set<size_t> cuts;
  for (size_t at = begin; at < bytes_.size(); at = (at / kSectorBytes + 1) * kSectorBytes) {
    cuts.insert(at);
  }
  for (const Range& range : unsynced_) {
    cuts.insert({range.begin, range.begin + 1, (range.begin + range.end) / 2, range.end});
  }
  std::erase_if(cuts, [&](size_t at) { return at <= begin || at >= bytes_.size(); });
  return {cuts.begin(), cuts.end()};
}

std::vector<uint8_t> SimFileContent::ChooseImage(CrashChooser& chooser) const {
  const std::vector<uint8_t> durable = DurableImage();
  std::vector<uint8_t> image = WrittenImage(durable);
  if (unsynced_.empty()) return chooser.Choose(2) == 0 ? durable : image;
  const size_t begin = unsynced_.front().begin;
  const std::vector<size_t> cuts = CutsAbove(begin);
  const size_t choice = chooser.Choose(3 + cuts.size());
  if (choice == 0) return durable;
  if (choice == 1) return image;
  if (choice > 2) {
    image.resize(cuts[choice - 3]);
    return image;
  }
  for (size_t at = begin; at < image.size();) {
    const size_t end = std::min(image.size(), (at / kSectorBytes + 1) * kSectorBytes);
    if (chooser.Choose(2) == 0) {
      for (size_t i = at; i < end; ++i) image[i] = i < durable.size() ? durable[i] : uint8_t{0};
    }
    at = end;
  }
  return image;
}

// A state that some order of write-back could leave: the size stops somewhere between the durable
// and the present one, and each append below it arrived whole, in part, or not at all.
std::vector<uint8_t> SimFileContent::DrawImage(Random& random) const {
  const std::vector<uint8_t> durable = DurableImage();
  std::vector<uint8_t> image = WrittenImage(durable);
  if (random.Chance(1, 4)) return image;  // everything was written back in time
  const size_t size = static_cast<size_t>(
      random.Between(static_cast<int64_t>(common_), static_cast<int64_t>(image.size())));
  const bool clean_cut = random.Chance(1, 2);
  for (const Range& range : unsynced_) {
    const size_t end = std::min(range.end, size);
    if (clean_cut || range.begin >= end || random.Chance(1, 3)) continue;
    Damage(image, durable, Range{range.begin, end}, random);
  }
  image.resize(size);
  return image;
}

// Drops the range or keeps a prefix of it; the rest is what was there before, zeroes, or (rarely)
// garbage, sector by sector.
void SimFileContent::Damage(std::vector<uint8_t>& image, const std::vector<uint8_t>& durable,
                            Range range, Random& random) {
  size_t begin = range.begin;
  if (random.Chance(1, 2)) {
    begin += static_cast<size_t>(random.Below(range.end - range.begin));
  }
  const bool keep_some_sectors = random.Chance(1, 3);
  const bool garbage = random.Chance(1, 8);
  while (begin < range.end) {
    const size_t end = std::min(range.end, (begin / kSectorBytes + 1) * kSectorBytes);
    if (!keep_some_sectors || random.Chance(1, 2)) {
      for (size_t i = begin; i < end; ++i) {
        image[i] = garbage              ? static_cast<uint8_t>(random.Next())
                   : i < durable.size() ? durable[i]
                                        : uint8_t{0};
      }
    }
    begin = end;
  }
}

void SimFileContent::Crash(CrashModel model, Random& random) {
  const bool draw = model == CrashModel::kRandom && has_unsynced() && random.Chance(3, 4);
  Become(draw ? DrawImage(random) : DurableImage());
}

void SimFileContent::Crash(CrashChooser& chooser) {
  Become(has_unsynced() ? ChooseImage(chooser) : DurableImage());
}

void SimFileContent::Become(std::vector<uint8_t> image) {
  bytes_ = std::move(image);
  common_ = bytes_.size();
  durable_tail_.clear();
  unsynced_.clear();
  lost_.clear();
}

void SimFileContent::FlipBit(int64_t position, int bit) {
  CHECK(position >= 0 && position < size_bytes() && bit >= 0 && bit < 8);
  bytes_[static_cast<size_t>(position)] ^= static_cast<uint8_t>(1 << bit);
}

void SimFileContent::Clip(std::vector<Range>& ranges, size_t size) {
  for (Range& range : ranges) range.end = std::min(range.end, size);
  std::erase_if(ranges, [](const Range& range) { return range.begin >= range.end; });
}

}  // namespace soliton::sim

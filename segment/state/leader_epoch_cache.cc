#include "segment/state/leader_epoch_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "runtime/base/check.h"
#include "segment/checkpoint_file.h"

namespace soliton::segment {
namespace {

using Entry = LeaderEpochCache::Entry;

bool BeginsAfterEpoch(int32_t leader_epoch, const Entry& entry) {
  return leader_epoch < entry.leader_epoch;
}
bool BeginsAfterOffset(int64_t offset, const Entry& entry) { return offset < entry.start_offset; }

}  // namespace

bool LeaderEpochCache::Assign(int32_t leader_epoch, int64_t start_offset) {
  CHECK(leader_epoch >= 0 && start_offset >= 0, "epoch {} at {}", leader_epoch, start_offset);
  if (!entries_.empty() && entries_.back().leader_epoch == leader_epoch &&
      entries_.back().start_offset <= start_offset) {
    return false;
  }
  while (!entries_.empty() && (entries_.back().leader_epoch >= leader_epoch ||
                               entries_.back().start_offset >= start_offset)) {
    entries_.pop_back();
  }
  entries_.push_back({leader_epoch, start_offset});
  CheckInvariants();
  return true;
}

EpochEndOffset LeaderEpochCache::EndOffsetFor(int32_t leader_epoch, int64_t log_end_offset) const {
  if (leader_epoch < 0 || leader_epoch > LatestEpoch()) return {};
  if (leader_epoch == LatestEpoch()) return {leader_epoch, log_end_offset};
  const auto next =
      std::upper_bound(entries_.begin(), entries_.end(), leader_epoch, BeginsAfterEpoch);
  const int32_t known = next == entries_.begin() ? leader_epoch : std::prev(next)->leader_epoch;
  return {known, next->start_offset};
}

int32_t LeaderEpochCache::EpochOf(int64_t offset) const {
  const auto next = std::upper_bound(entries_.begin(), entries_.end(), offset, BeginsAfterOffset);
  return next == entries_.begin() ? -1 : std::prev(next)->leader_epoch;
}

bool LeaderEpochCache::TruncateFromEnd(int64_t offset) {
  const size_t before = entries_.size();
  while (!entries_.empty() && entries_.back().start_offset >= offset) entries_.pop_back();
  return entries_.size() != before;
}

bool LeaderEpochCache::TruncateFromStart(int64_t offset) {
  const auto next = std::upper_bound(entries_.begin(), entries_.end(), offset, BeginsAfterOffset);
  if (next == entries_.begin()) return false;
  const auto holder = std::prev(next);
  if (holder == entries_.begin() && holder->start_offset == offset) return false;
  holder->start_offset = offset;
  entries_.erase(entries_.begin(), holder);
  CheckInvariants();
  return true;
}

void LeaderEpochCache::CheckInvariants() const {
  DCHECK(std::adjacent_find(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
           return a.leader_epoch >= b.leader_epoch || a.start_offset >= b.start_offset;
         }) == entries_.end());
}

std::string LeaderEpochCache::Encode() const {
  std::vector<std::string> lines;
  lines.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    lines.push_back(fmt::format("{} {}", entry.leader_epoch, entry.start_offset));
  }
  return EncodeCheckpoint(lines);
}

absl::StatusOr<LeaderEpochCache> LeaderEpochCache::Decode(std::string_view text) {
  absl::StatusOr<std::vector<std::string>> lines = ParseCheckpoint(text);
  if (!lines.ok()) return lines.status();
  LeaderEpochCache cache;
  cache.entries_.reserve(lines->size());
  Entry previous{-1, -1};
  for (const std::string& line : *lines) {
    const std::vector<std::string_view> fields = SplitFields(line);
    int64_t epoch = 0;
    int64_t start_offset = 0;
    if (fields.size() != 2 || !ParseNumber(fields[0], &epoch) ||
        !ParseNumber(fields[1], &start_offset) || epoch <= previous.leader_epoch ||
        epoch > std::numeric_limits<int32_t>::max() || start_offset <= previous.start_offset) {
      return absl::DataLossError(fmt::format("\"{}\" is not \"epoch start_offset\" above ({}, {})",
                                             line, previous.leader_epoch, previous.start_offset));
    }
    previous = {static_cast<int32_t>(epoch), start_offset};
    cache.entries_.push_back(previous);
  }
  return cache;
}

}  // namespace soliton::segment

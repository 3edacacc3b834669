#include "bench/failover/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "runtime/base/check.h"

namespace soliton::bench {
namespace {

constexpr int64_t kNotAcked = -1;
// Acknowledged by a client that was not told where.
constexpr int64_t kOffsetUnknown = -2;

}  // namespace

Ledger::Ledger(int32_t partitions) : lanes_(static_cast<size_t>(partitions)) {}

int64_t Ledger::Sent(int32_t partition) {
  Lane& lane = lanes_[static_cast<size_t>(partition)];
  lane.acked_offset.push_back(kNotAcked);
  lane.acked_at.emplace_back();
  ++sent_;
  return static_cast<int64_t>(lane.acked_offset.size()) - 1;
}

void Ledger::Acked(int32_t partition, int64_t sequence, int64_t offset, MonotonicTime when) {
  Lane& lane = lanes_[static_cast<size_t>(partition)];
  int64_t& acked_offset = lane.acked_offset[static_cast<size_t>(sequence)];
  CHECK(acked_offset == kNotAcked, "record {} of partition {} acknowledged twice", sequence,
        partition);
  acked_offset = offset < 0 ? kOffsetUnknown : offset;
  lane.acked_at[static_cast<size_t>(sequence)] = when;
  lane.acks.push_back(when);
  ++acked_;
}

void Ledger::Failed(int32_t, int64_t) { ++failed_; }

void Ledger::Read(int32_t partition, int64_t offset, std::optional<int64_t> sequence) {
  Lane& lane = lanes_[static_cast<size_t>(partition)];
  ++lane.read;
  if (!sequence || *sequence < 0 || *sequence >= static_cast<int64_t>(lane.acked_offset.size())) {
    ++lane.foreign;
    return;
  }
  lane.copies.resize(lane.acked_offset.size());
  uint8_t& copies = lane.copies[static_cast<size_t>(*sequence)];
  if (copies > 0) {
    ++lane.duplicated;
    return;
  }
  copies = 1;
  if (*sequence < lane.highest_read) ++lane.out_of_order;
  lane.highest_read = std::max(lane.highest_read, *sequence);
  const int64_t acked_offset = lane.acked_offset[static_cast<size_t>(*sequence)];
  if (acked_offset >= 0 && acked_offset != offset) ++lane.misplaced;
}

Verdict Ledger::Judge() const {
  Verdict verdict;
  verdict.sent = sent_;
  verdict.acked = acked_;
  verdict.failed = failed_;
  for (const Lane& lane : lanes_) {
    verdict.read += lane.read;
    verdict.duplicated += lane.duplicated;
    verdict.out_of_order += lane.out_of_order;
    verdict.misplaced += lane.misplaced;
    verdict.foreign += lane.foreign;
    for (size_t i = 0; i < lane.acked_offset.size(); ++i) {
      const bool found = i < lane.copies.size() && lane.copies[i] > 0;
      if (lane.acked_offset[i] != kNotAcked && !found) ++verdict.lost;
    }
  }
  return verdict;
}

std::optional<MonotonicTime> Ledger::AckedAt(int32_t partition, int64_t sequence) const {
  const Lane& lane = lanes_[static_cast<size_t>(partition)];
  const auto at = static_cast<size_t>(sequence);
  if (lane.acked_offset[at] == kNotAcked) return std::nullopt;
  return lane.acked_at[at];
}

int64_t Ledger::sent(int32_t partition) const {
  return static_cast<int64_t>(lanes_[static_cast<size_t>(partition)].acked_offset.size());
}

std::optional<MonotonicTime> Ledger::LastAck(int32_t partition) const {
  const Lane& lane = lanes_[static_cast<size_t>(partition)];
  if (lane.acks.empty()) return std::nullopt;
  return lane.acks.back();
}

std::optional<Pause> Ledger::LongestPause(int32_t partition, MonotonicTime from, MonotonicTime to,
                                          MonotonicTime end) const {
  const Lane& lane = lanes_[static_cast<size_t>(partition)];
  std::optional<Pause> longest;
  const auto consider = [&](const Pause& pause) {
    if (pause.first_ack < from || pause.last_ack >= to) return;
    if (!longest || pause.length() > longest->length()) longest = pause;
  };
  for (size_t i = 1; i < lane.acks.size(); ++i) consider({lane.acks[i - 1], lane.acks[i]});
  if (!lane.acks.empty() && end > lane.acks.back()) {
    consider({lane.acks.back(), end, /*ended=*/false});
  }
  return longest;
}

Duration Ledger::UsualPause(MonotonicTime from, MonotonicTime to) const {
  std::vector<Duration> longest;
  for (const Lane& lane : lanes_) {
    Duration& here = longest.emplace_back();
    for (size_t i = 1; i < lane.acks.size(); ++i) {
      if (lane.acks[i - 1] < from || lane.acks[i] > to) continue;
      here = std::max(here, lane.acks[i] - lane.acks[i - 1]);
    }
  }
  if (longest.empty()) return {};
  const auto median = longest.begin() + static_cast<ptrdiff_t>(longest.size() / 2);
  std::nth_element(longest.begin(), median, longest.end());
  return *median;
}

std::string MakeValue(std::string_view run, int32_t partition, int64_t sequence,
                      size_t size_bytes) {
  std::string value = fmt::format("{} {} {} ", run, partition, sequence);
  if (value.size() < size_bytes) value.append(size_bytes - value.size(), '.');
  return value;
}

std::optional<int64_t> ParseValue(std::string_view value, std::string_view run, int32_t partition) {
  const std::string head = fmt::format("{} {} ", run, partition);
  if (!value.starts_with(head)) return std::nullopt;
  value.remove_prefix(head.size());
  int64_t sequence = -1;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), sequence);
  if (error != std::errc() || end == value.data() + value.size() || *end != ' ') {
    return std::nullopt;
  }
  return sequence;
}

}  // namespace soliton::bench

#include "controller/quorum/quorum_log_view.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace soliton::controller {

QuorumLogView::QuorumLogView(LogPosition start, VoterSet voters)
    : start_(start),
      end_offset_(start.offset),
      flushed_end_(start.offset),
      committed_end_(start.offset) {
  voters_.emplace_back(start.offset, std::move(voters));
}

void QuorumLogView::Append(const QuorumEntry& entry) {
  CHECK(entry.base_offset == end_offset_ && entry.end_offset > entry.base_offset,
        "batch [{}, {}) in a log that ends at {}", entry.base_offset, entry.end_offset,
        end_offset_);
  CHECK(entry.epoch >= end().epoch, "batch of epoch {} behind epoch {}", entry.epoch, end().epoch);
  epochs_.Assign(entry.epoch, entry.base_offset);
  end_offset_ = entry.end_offset;
  if (entry.voters) voters_.emplace_back(entry.end_offset, *entry.voters);
}

void QuorumLogView::TruncateTo(int64_t offset) {
  CHECK(offset >= committed_end_ && offset <= end_offset_, "cut to {}: [{}, {}) is committed",
        offset, start_.offset, committed_end_);
  end_offset_ = offset;
  flushed_end_ = std::min(flushed_end_, offset);
  epochs_.TruncateFromEnd(offset);
  while (voters_.back().first > offset) voters_.pop_back();
}

void QuorumLogView::SetFlushed(int64_t end_offset) {
  CHECK(end_offset <= end_offset_, "flushed up to {} of {}", end_offset, end_offset_);
  flushed_end_ = std::max(flushed_end_, end_offset);
}

void QuorumLogView::SetCommitted(int64_t end_offset) {
  CHECK(end_offset <= end_offset_, "committed up to {} of {}", end_offset, end_offset_);
  committed_end_ = std::max(committed_end_, end_offset);
  while (voters_.size() > 1 && voters_[1].first <= committed_end_) voters_.erase(voters_.begin());
}

void QuorumLogView::DropBefore(int64_t offset) {
  CHECK(offset <= committed_end_, "{} is not committed", offset);
  if (offset <= start_.offset) return;
  start_ = {EpochBefore(offset), offset};
  epochs_.TruncateFromStart(offset);
}

bool QuorumLogView::MayVote(const Voter& voter) const {
  return std::any_of(voters_.begin(), voters_.end(),
                     [&](const auto& at) { return at.second.Contains(voter); });
}

int32_t QuorumLogView::EpochBefore(int64_t offset) const {
  CHECK(offset >= start_.offset && offset <= end_offset_, "{} outside of [{}, {}]", offset,
        start_.offset, end_offset_);
  return offset == start_.offset ? start_.epoch : epochs_.EpochOf(offset - 1);
}

LogPosition QuorumLogView::LastAgreement(const LogPosition& position) const {
  int64_t offset = std::clamp(position.offset, start_.offset, end_offset_);
  while (EpochBefore(offset) > position.epoch) {
    // All of that epoch is unknown there.
    const int32_t epoch = EpochBefore(offset);
    const auto entries = epochs_.entries();
    const auto at = std::find_if(entries.begin(), entries.end(),
                                 [&](const auto& entry) { return entry.leader_epoch == epoch; });
    if (at == entries.end() || at->start_offset <= start_.offset) {
      offset = start_.offset;
      break;
    }
    offset = at->start_offset;
  }
  return {EpochBefore(offset), offset};
}

}  // namespace soliton::controller

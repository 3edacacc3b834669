#include "segment/flush_ledger.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace soliton::segment {

void FlushLedger::AddFile(const std::shared_ptr<File>& file) {
  if (!files_.empty() && files_.back() == file) return;
  if (std::find(files_.begin(), files_.end(), file) == files_.end()) files_.push_back(file);
}

void FlushLedger::AddSideFile(FlushTicket::SideFile side_file) {
  side_files_[std::move(side_file.path)] = std::move(side_file.content);
  deferred_ = false;
}

std::optional<std::string> FlushLedger::TakeSideFile(const std::string& path) {
  const auto found = side_files_.find(path);
  if (found == side_files_.end()) return std::nullopt;
  std::string content = std::move(found->second);
  side_files_.erase(found);
  return content;
}

void FlushLedger::Defer(const FlushTicket& ticket) {
  if (ticket.truncation_count != truncation_count_) return;
  const bool nothing_new = side_files_.empty();
  // What was noted meanwhile is newer.
  for (const auto& [path, content] : ticket.side_files) side_files_.try_emplace(path, content);
  deferred_ = nothing_new;
}

FlushTicket FlushLedger::Take(int64_t end_offset, const std::string& directory) {
  CHECK(!ticket_out_, "two flush tickets of one log");
  FlushTicket ticket;
  ticket.removals = std::exchange(removals_, {});
  ticket.files = std::move(files_);
  for (auto& [path, content] : side_files_) ticket.side_files.push_back({path, std::move(content)});
  if (directory_dirty_) ticket.directories.push_back(directory);
  ticket.log_directory = directory;
  ticket.end_offset = end_offset;
  ticket.truncation_count = truncation_count_;
  files_.clear();
  side_files_.clear();
  deferred_ = false;
  directory_dirty_ = false;
  ticket_out_ = true;
  taken_ = true;
  lowest_truncation_ = std::numeric_limits<int64_t>::max();
  return ticket;
}

int64_t FlushLedger::Return(const FlushTicket& ticket) {
  CHECK(ticket_out_, "a flush ticket came back that was not out");
  ticket_out_ = false;
  return std::min(ticket.end_offset, lowest_truncation_);
}

void FlushLedger::OnTruncation(int64_t offset) {
  ++truncation_count_;
  lowest_truncation_ = std::min(lowest_truncation_, offset);
  side_files_.clear();
}

}  // namespace soliton::segment

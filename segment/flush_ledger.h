// What of a log is not durable yet, and the one ticket that may be out. Bookkeeping only; owned by
// the log.
//
// A truncation while a ticket is out bounds what the ticket proves: bytes below the truncation
// point are the ones it synced, bytes above may be new ones under the same offsets. Likewise
// derived files that the ticket wrote for the part cut off are stale and must go.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/file/file_system.h"
#include "segment/flush_ticket.h"

namespace soliton::segment {

class FlushLedger {
 public:
  void AddFile(const std::shared_ptr<File>& file);
  // Replaces an earlier content for the same path.
  void AddSideFile(FlushTicket::SideFile side_file);
  // A file that nothing needs any more, under a name of its own.
  void AddRemoval(std::string path) { removals_.push_back(std::move(path)); }
  void AddDirectory() { directory_dirty_ = true; }
  // The content noted for `path`, for the caller to write; nullopt when there is none.
  std::optional<std::string> TakeSideFile(const std::string& path);

  bool HasWork() const {
    return !files_.empty() || !removals_.empty() || directory_dirty_ ||
           (!side_files_.empty() && !deferred_);
  }
  bool ticket_out() const { return ticket_out_; }
  // Anything was ever noted here, or truncated.
  bool was_used() const { return HasWork() || deferred_ || taken_ || truncation_count_ > 0; }

  // Moves everything noted into a ticket. CHECKs that none is out.
  FlushTicket Take(int64_t end_offset, const std::string& directory);
  // How far the ticket's records are durable, given that it ran well: its end, or the lowest
  // truncation since.
  int64_t Return(const FlushTicket& ticket);
  // The disk had no room for the side files of a ticket that has come back: they go with the next
  // one, and are no reason to take one.
  void Defer(const FlushTicket& ticket);

  // Forgets side files that describe the log above `offset`, and bounds the ticket that is out.
  void OnTruncation(int64_t offset);
  uint64_t truncation_count() const { return truncation_count_; }

 private:
  std::vector<std::shared_ptr<File>> files_;  // in the order first written
  std::map<std::string, std::string> side_files_;
  std::vector<std::string> removals_;
  bool deferred_ = false;  // side_files_ wait for other work
  bool directory_dirty_ = false;
  bool ticket_out_ = false;
  bool taken_ = false;  // a ticket, ever
  uint64_t truncation_count_ = 0;
  int64_t lowest_truncation_ = std::numeric_limits<int64_t>::max();  // since the ticket was taken
};

}  // namespace soliton::segment

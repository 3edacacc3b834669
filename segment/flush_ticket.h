// The slow part of a flush, handed out as an object: the owner shard takes a ticket from its Log, a
// disk thread runs it, and the owner gives it back with the result. One ticket per log is out at a
// time; what is appended meanwhile goes with the next one (group commit).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/file/file_system.h"

namespace soliton::segment {

struct FlushTicket {
  // A small side file (epoch checkpoint, producer snapshot) to be replaced atomically and made
  // durable.
  struct SideFile {
    std::string path;
    std::string content;
  };

  // Removed first of all, which may make the room that the rest needs. What cannot be removed is
  // left to the next recovery.
  std::vector<std::string> removals;
  std::vector<std::shared_ptr<File>> files;  // to be synced, in this order
  std::vector<std::string> directories;      // synced next: names created since the last flush
  std::vector<SideFile> side_files;          // written last: they follow from the rest
  // Files that only save the next recovery work and carry a checksum: replaced at the very end, not
  // synced, and a failure to write one is none of the flush.
  std::vector<SideFile> hints;
  // Marked when anything fails, before anybody hears of it: this process may die at once.
  std::string log_directory;
  int64_t end_offset = 0;         // every record below it is durable once Run() returned OK
  uint64_t truncation_count = 0;  // of the log when taken: a later truncation limits the result

  // Blocks; disk thread. Touches nothing but what the ticket holds. The first failure ends it.
  // kResourceExhausted: `files` and `directories` are durable, but the disk had no room for all
  // side files.
  absl::Status Run(FileSystem& fs) const;

 private:
  absl::Status RunAll(FileSystem& fs) const;
};

// A failed sync lost bytes, also when it failed for want of space: never kResourceExhausted, which
// means that nothing has happened.
absl::Status SyncFailure(const absl::Status& status);

}  // namespace soliton::segment

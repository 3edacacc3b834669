#include "segment/flush_ticket.h"

namespace soliton::segment {

absl::Status FlushTicket::Run(FileSystem& fs) const {
  for (const std::shared_ptr<File>& file : files) {
    if (absl::Status status = file->Sync(); !status.ok()) return status;
  }
  for (const SideFile& side_file : side_files) {
    if (absl::Status status = WriteFileAtomically(fs, side_file.path, side_file.content);
        !status.ok()) {
      return status;
    }
  }
  for (const std::string& directory : directories) {
    if (absl::Status status = fs.SyncDirectory(directory); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace soliton::segment

#include "segment/recovery_point_file.h"

#include <fmt/format.h>

#include <array>

#include "runtime/base/crc32c.h"
#include "runtime/base/endian.h"
#include "segment/flush_ticket.h"

namespace soliton::segment {
namespace {

constexpr size_t kEntryBytes = 64;
constexpr uint32_t kMagic = 0x534c5250;  // "SLRP"
constexpr int64_t kLongFileBytes = 1024 * kEntryBytes;

using Entry = std::array<uint8_t, kEntryBytes>;

Entry Encode(int64_t sequence, const RecoveryPoint& point) {
  Entry entry{};
  StoreBigEndian<uint32_t>(&entry[4], kMagic);
  StoreBigEndian<int64_t>(&entry[8], sequence);
  StoreBigEndian<int64_t>(&entry[16], point.durable_end_offset);
  StoreBigEndian<int64_t>(&entry[24], point.log_start_offset);
  StoreBigEndian<int64_t>(&entry[32], point.active_base_offset);
  StoreBigEndian<int64_t>(&entry[40], point.active_size_bytes);
  StoreBigEndian<uint32_t>(&entry[0], Crc32c(std::span(entry).subspan(4)));
  return entry;
}

bool IsValid(std::span<const uint8_t> entry) {
  return LoadBigEndian<uint32_t>(&entry[4]) == kMagic &&
         LoadBigEndian<uint32_t>(&entry[0]) == Crc32c(entry.subspan(4));
}

}  // namespace

std::string RecoveryPointFile::PathOf(int which) const {
  return JoinPath(directory_, fmt::format("recovery-point.{}", which));
}

absl::StatusOr<RecoveryPointFile> RecoveryPointFile::Open(FileSystem& fs,
                                                          const std::string& directory) {
  RecoveryPointFile result(fs, directory);
  for (int which = 0; which < 2; ++which) {
    if (absl::Status status = result.Load(which); !status.ok()) return status;
  }
  return result;
}

absl::Status RecoveryPointFile::Load(int which) {
  if (!fs_->Exists(PathOf(which))) return absl::OkStatus();
  const absl::StatusOr<std::string> content = ReadFile(*fs_, PathOf(which));
  if (!content.ok()) return content.status();
  const std::span bytes(reinterpret_cast<const uint8_t*>(content->data()), content->size());
  for (size_t at = 0; at + kEntryBytes <= bytes.size(); at += kEntryBytes) {
    const std::span<const uint8_t> entry = bytes.subspan(at, kEntryBytes);
    if (!IsValid(entry)) continue;
    const auto sequence = LoadBigEndian<int64_t>(&entry[8]);
    if (last_ && sequence <= sequence_) continue;
    sequence_ = sequence;
    current_ = which;
    last_ = RecoveryPoint{.durable_end_offset = LoadBigEndian<int64_t>(&entry[16]),
                          .log_start_offset = LoadBigEndian<int64_t>(&entry[24]),
                          .active_base_offset = LoadBigEndian<int64_t>(&entry[32]),
                          .active_size_bytes = LoadBigEndian<int64_t>(&entry[40])};
  }
  return absl::OkStatus();
}

absl::Status RecoveryPointFile::OpenForAppend() {
  absl::StatusOr<std::shared_ptr<File>> file =
      fs_->Open(PathOf(current_), OpenMode::kReadWriteOrCreate);
  if (!file.ok()) return file.status();
  file_ = *std::move(file);
  synced_bytes_ = 0;
  // A torn last entry would shift all that follow.
  const auto whole_bytes = file_->size_bytes() - file_->size_bytes() % int64_t{kEntryBytes};
  return whole_bytes == file_->size_bytes() ? absl::OkStatus() : file_->Truncate(whole_bytes);
}

absl::Status RecoveryPointFile::Append(const RecoveryPoint& point) {
  if (!file_) {
    const int64_t synced_bytes = synced_bytes_;
    if (absl::Status status = OpenForAppend(); !status.ok()) return status;
    synced_bytes_ = synced_bytes;
  }
  if (file_->size_bytes() >= kLongFileBytes && synced_bytes_ > 0) {
    current_ = 1 - current_;
    if (absl::Status status = OpenForAppend(); !status.ok()) return status;
    if (absl::Status status = file_->Truncate(0); !status.ok()) return status;
  }
  const Entry entry = Encode(sequence_ + 1, point);
  const Buffer piece = Buffer::CopyOf(entry);
  const int64_t size_before = file_->size_bytes();
  if (absl::Status status = file_->Append(std::span(&piece, 1)); !status.ok()) {
    // Half an entry would shift all that follow.
    if (absl::Status cut = file_->Truncate(size_before); !cut.ok()) return SyncFailure(cut);
    return status;
  }
  ++sequence_;
  last_ = point;
  return absl::OkStatus();
}

absl::Status RecoveryPointFile::AppendDurably(const RecoveryPoint& point) {
  if (absl::Status status = Append(point); !status.ok()) return status;
  const std::shared_ptr<File> file = file_;
  if (absl::Status status = file->Sync(); !status.ok()) return SyncFailure(status);
  const bool was_named = is_named();
  NoteSynced(file, file->size_bytes());
  return was_named ? absl::OkStatus() : SyncFailure(fs_->SyncDirectory(directory_));
}

bool RecoveryPointFile::wants_sync() const {
  return file_ && file_->size_bytes() >= kLongFileBytes && synced_bytes_ == 0;
}

void RecoveryPointFile::NoteSynced(const std::shared_ptr<File>& file, int64_t size_bytes) {
  if (file != file_) return;
  synced_bytes_ = size_bytes;
  if (!has_unsynced()) file_.reset();
}

}  // namespace soliton::segment

#include "segment/accept_loss.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <span>
#include <utility>

#include "runtime/file/copy_file.h"
#include "segment/damage_mark.h"
#include "segment/data_directory.h"
#include "segment/recovery_point_file.h"
#include "segment/segment.h"
#include "segment/segment_checkpoint.h"

namespace soliton::segment {
namespace {

// Takes what is wrong away, piece by piece.
class LossTaker {
 public:
  LossTaker(FileSystem& fs, const std::string& directory, const Loss& loss, std::string kept)
      : fs_(fs), directory_(directory), loss_(loss), kept_(std::move(kept)) {}

  absl::Status Run(std::string_view when) {
    // Until all is done no broker may take what is here for a log with a torn tail.
    if (absl::Status status = Mark(); !status.ok()) return status;
    if (absl::Status status = KeepTail(); !status.ok()) return status;
    if (absl::Status status = Note(when); !status.ok()) return status;
    if (absl::Status status = MakeLegal(); !status.ok()) return status;
    if (absl::Status status = MoveFiles(); !status.ok()) return status;
    if (absl::Status status = Cut(); !status.ok()) return status;
    absl::Status status = fs_.Rename(PathIn(kDamagedName), JoinPath(kept_, kDamagedName));
    return status.ok() ? SyncBoth() : status;
  }

 private:
  std::string PathIn(std::string_view name) const { return JoinPath(directory_, name); }
  absl::Status SyncBoth() {
    absl::Status status = fs_.SyncDirectory(kept_);
    return status.ok() ? fs_.SyncDirectory(directory_) : status;
  }
  absl::Status Mark() {
    const std::string path = PathIn(kDamagedName);
    return fs_.Exists(path) ? fs_.SyncDirectory(directory_)
                            : WriteFileAtomically(fs_, path, loss_.why);
  }
  // A copy of what will be cut off the last segment that stays.
  absl::Status KeepTail();
  absl::Status Note(std::string_view when);
  // The recovery point that allows the cut.
  absl::Status MakeLegal();
  absl::Status MoveFiles();
  absl::Status MoveOrRemove(const std::string& name);
  absl::Status Cut();

  FileSystem& fs_;
  const std::string& directory_;
  const Loss& loss_;
  const std::string kept_;
};

absl::Status LossTaker::KeepTail() {
  if (absl::Status status = fs_.CreateDirectories(kept_); !status.ok()) return status;
  if (absl::Status status = fs_.SyncDirectory(DirectoryOf(kept_)); !status.ok()) return status;
  if (loss_.base_offset < 0) return absl::OkStatus();
  const std::string name = SegmentFileName(loss_.base_offset, kLogSuffix);
  auto from = fs_.Open(PathIn(name), OpenMode::kReadOnly);
  if (!from.ok()) return from.status();
  if ((*from)->size_bytes() <= loss_.size_bytes) return absl::OkStatus();
  auto to = fs_.Open(JoinPath(kept_, fmt::format("{}.from-byte-{}", name, loss_.size_bytes)),
                     OpenMode::kReadWriteOrCreate);
  if (!to.ok()) return to.status();
  if (absl::Status status = CopyDurably(**from, loss_.size_bytes, **to); !status.ok())
    return status;
  return fs_.SyncDirectory(kept_);
}

absl::Status LossTaker::Note(std::string_view when) {
  const boost::json::object line = {{"time", when},
                                    {"directory", directory_},
                                    {"path", loss_.path},
                                    {"position", loss_.position},
                                    {"why", loss_.why},
                                    {"log_start_offset", loss_.log_start_offset},
                                    {"log_end_offset", loss_.log_end_offset},
                                    {"durable_end_offset", loss_.durable_end_offset},
                                    {"kept_as", kept_}};
  const std::string text = boost::json::serialize(line) + "\n";
  const std::string parent = DirectoryOf(kept_);
  auto audit = fs_.Open(JoinPath(parent, kAcceptedLossesName), OpenMode::kReadWriteOrCreate);
  if (!audit.ok()) return audit.status();
  const Buffer bytes = Buffer::CopyOf(text);
  if (absl::Status status = (*audit)->Append(std::span(&bytes, 1)); !status.ok()) return status;
  if (absl::Status status = (*audit)->Sync(); !status.ok()) return status;
  if (absl::Status status = fs_.SyncDirectory(parent); !status.ok()) return status;
  return WriteFileAtomically(fs_, PathIn(kLossAcceptedName), text);
}

absl::Status LossTaker::MakeLegal() {
  auto point = RecoveryPointFile::Open(fs_, directory_);
  if (!point.ok()) return point.status();
  const int64_t base_offset = loss_.base_offset < 0 ? loss_.log_start_offset : loss_.base_offset;
  return point->AppendDurably({.durable_end_offset = loss_.log_end_offset,
                               .log_start_offset = loss_.log_start_offset,
                               .active_base_offset = base_offset,
                               .active_size_bytes = loss_.size_bytes});
}

absl::Status LossTaker::MoveFiles() {
  const auto entries = fs_.List(directory_);
  if (!entries.ok()) return entries.status();
  for (const DirectoryEntry& entry : *entries) {
    if (entry.is_directory) continue;
    if (absl::Status status = MoveOrRemove(entry.name); !status.ok()) return status;
  }
  return SyncBoth();
}

absl::Status LossTaker::MoveOrRemove(const std::string& name) {
  for (const std::string_view suffix : {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix}) {
    const auto base_offset = ParseSegmentFileName(name, suffix);
    if (!base_offset) continue;
    if (*base_offset > loss_.base_offset) {
      return fs_.Rename(PathIn(name), JoinPath(kept_, name));
    }
    // Made anew from what stays.
    const bool is_cut = *base_offset == loss_.base_offset && suffix != kLogSuffix;
    return is_cut ? fs_.Remove(PathIn(name)) : absl::OkStatus();
  }
  const auto snapshot = ParseSegmentFileName(name, kSnapshotSuffix);
  if (snapshot && *snapshot > loss_.log_end_offset) {
    return fs_.Rename(PathIn(name), JoinPath(kept_, name));
  }
  return name == kSegmentCheckpointName ? fs_.Remove(PathIn(name)) : absl::OkStatus();
}

absl::Status LossTaker::Cut() {
  if (loss_.base_offset < 0) return absl::OkStatus();
  auto file =
      fs_.Open(PathIn(SegmentFileName(loss_.base_offset, kLogSuffix)), OpenMode::kReadWrite);
  if (!file.ok()) return file.status();
  if (absl::Status status = (*file)->Truncate(loss_.size_bytes); !status.ok()) return status;
  return (*file)->Sync();
}

}  // namespace

absl::StatusOr<std::string> AcceptLoss(FileSystem& fs, const std::string& directory,
                                       const Loss& loss, std::string_view when, Random& random) {
  const std::string kept = NameAside(directory, "damaged", random);
  absl::Status status = LossTaker(fs, directory, loss, kept).Run(when);
  if (!status.ok()) return status;
  return kept;
}

}  // namespace soliton::segment

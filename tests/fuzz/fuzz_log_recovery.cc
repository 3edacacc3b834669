// A partition's folder with any bytes in its files. Opening it either says what is wrong or gives a
// log that can be read, written, cut, closed and opened again. Where a mark says that bytes are
// durable they are not all checked at the start: then each of these may say what is wrong instead.
// What is refused can be given up (accept_loss.h), which leaves a log that opens.
//
// Input: a byte of flags (1: the stop was clean; 2: checksums are made right), then files: a byte
// for the name, a byte for the base offset, and the content with its length in front.
#include <cstdint>
#include <string>

#include "protocol/record/batch_builder.h"
#include "protocol/record/batch_iterator.h"
#include "runtime/base/check.h"
#include "runtime/obs/logging.h"
#include "segment/accept_loss.h"
#include "segment/find_loss.h"
#include "segment/log.h"
#include "segment/recovery_point_file.h"
#include "tests/fuzz/input_reader.h"
#include "tests/fuzz/repaired_batches.h"
#include "tests/sim/sim_file_system.h"

namespace soliton::segment {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;
const std::string kFolder = "/data/topic-0";
constexpr Uuid kTopicId{1, 2};
constexpr uint8_t kClean = 1;
constexpr uint8_t kRepair = 2;

class FixedClock final : public Clock {
 public:
  MonotonicTime Now() const override { return MonotonicTime(milliseconds(kNowMs)); }
  int64_t WallMs() const override { return kNowMs; }
};

struct Folder {
  bool clean = false;
  bool has_recovery_point = false;

  // Every batch is read at the start.
  bool is_verified() const { return !clean && !has_recovery_point; }
};

void WriteFile(FileSystem& fs, const std::string& name, const Buffer& content) {
  auto file = fs.Open(JoinPath(kFolder, name), OpenMode::kReadWriteOrCreate);
  CHECK(file.ok());
  CHECK((*file)->Truncate(0).ok());
  CHECK(content.empty() || (*file)->Append(std::span(&content, 1)).ok());
}

// A recovery point with the right checksum: its four numbers, 16 bits each.
void WriteRecoveryPoint(FileSystem& fs, std::span<const uint8_t> piece) {
  fuzz::InputReader numbers(piece.data(), piece.size());
  auto file = RecoveryPointFile::Open(fs, kFolder);
  CHECK(file.ok());
  const auto number = [&] { return static_cast<int64_t>(numbers.Short()); };
  RecoveryPoint point;
  point.durable_end_offset = number();
  point.log_start_offset = number();
  point.active_base_offset = number();
  point.active_size_bytes = number();
  CHECK(file->Append(point).ok());
}

Folder WriteFolder(FileSystem& fs, fuzz::InputReader& in) {
  const uint8_t flags = in.Byte();
  Folder folder{.clean = (flags & kClean) != 0};
  for (int files = 0; !in.empty() && files < 16; ++files) {
    const uint8_t kind = in.Byte() % 11;
    const std::string base = fmt::format("{:020}", in.Byte());
    const std::span<const uint8_t> piece = in.Piece();
    const Buffer content = Buffer::CopyOf(piece);
    static constexpr std::string_view kSuffixes[] = {".log", ".index", ".timeindex", ".snapshot"};
    static constexpr std::string_view kNames[] = {
        "leader-epoch-checkpoint", "recovery-point.0", "recovery-point.1",
        "partition.metadata",      "sync-failed",      "segment-checkpoint"};
    if (kind == 0) {
      WriteFile(fs, base + ".log",
                (flags & kRepair) != 0 ? fuzz::WithRightChecksums(piece) : content);
    } else if (kind < 4) {
      WriteFile(fs, base + std::string(kSuffixes[kind]), content);
    } else if (kind < 10) {
      WriteFile(fs, std::string(kNames[kind - 4]), content);
      folder.has_recovery_point |= kind == 5 || kind == 6;
    } else {
      WriteRecoveryPoint(fs, piece);
      folder.has_recovery_point = true;
    }
  }
  return folder;
}

absl::StatusOr<std::unique_ptr<Log>> OpenLog(FileSystem& fs, bool clean) {
  static const FixedClock kClock;
  LogOptions options;
  options.segment_bytes = 4096;
  return Log::Open(fs, kClock, options,
                   {.directory = kFolder, .topic_id = kTopicId, .clean_shutdown = clean});
}

// Every slice from the start: whole batches, one after the other.
absl::Status ReadEverything(Log& log) {
  int64_t offset = log.log_start_offset();
  while (offset < log.log_end_offset()) {
    const auto slice = log.Read(offset, log.log_end_offset(), 1 << 20, true);
    if (!slice.ok()) return slice.status();
    if (slice->region.length <= 0 || slice->first_offset > offset || slice->end_offset <= offset) {
      return absl::DataLossError("a slice that does not hold the offset");
    }
    Buffer bytes = Buffer::Allocate(static_cast<size_t>(slice->region.length));
    const auto count = slice->region.file->ReadAt(slice->region.position,
                                                  std::span(bytes.mutable_data(), bytes.size()));
    CHECK(count.ok() && *count == bytes.size());
    const auto split = kafka::SplitBatches(bytes);
    if (!split.ok() || split->cut_tail_bytes != 0 || split->batches.empty()) {
      return absl::DataLossError("a slice that is not made of whole batches");
    }
    if (slice->end_offset != split->batches.back().next_offset()) {
      return absl::DataLossError("a slice that ends elsewhere");
    }
    offset = slice->end_offset;
  }
  return absl::OkStatus();
}

absl::Status LookAround(Log& log) {
  CHECK(0 <= log.log_start_offset() && log.log_start_offset() <= log.flushed_offset());
  CHECK(log.flushed_offset() == log.log_end_offset());
  if (absl::Status status = ReadEverything(log); !status.ok()) return status;
  // These look into batches, whose records nobody checks at a start.
  (void)log.FindByTimestamp(kNowMs - 1, log.log_end_offset()).status();
  (void)log.FindMaxTimestamp(log.log_end_offset()).status();
  (void)log.EndOffsetForEpoch(log.latest_leader_epoch());
  return absl::OkStatus();
}

absl::Status Append(Log& log) {
  kafka::BatchBuilder builder({});
  builder.Append(kNowMs, "key", "value");
  const int64_t end = log.log_end_offset();
  const AppendResult result =
      log.AppendAsLeader(builder.Build(), std::max(log.latest_leader_epoch(), 0));
  if (result.error != kafka::ErrorCode::NONE) return absl::DataLossError(result.error_message);
  CHECK(result.base_offset == end);
  return absl::OkStatus();
}

// Appends, cuts and appends again, closes, and finds it all after a clean start.
absl::Status Work(FileSystem& fs, std::unique_ptr<Log> log, bool is_verified) {
  if (absl::Status status = Append(*log); !status.ok()) return status;
  const int64_t middle = (log->log_start_offset() + log->log_end_offset()) / 2;
  if (absl::Status status = log->TruncateTo(middle); !status.ok()) return status;
  CHECK(log->log_end_offset() <= middle);
  if (absl::Status status = Append(*log); !status.ok()) return status;
  const int64_t end = log->log_end_offset();
  if (absl::Status status = log->CloseCleanly(); !status.ok()) return status;
  auto reopened = OpenLog(fs, true);
  if (!reopened.ok()) return reopened.status();
  CHECK((*reopened)->log_end_offset() == end || !is_verified);
  return ReadEverything(**reopened);
}

// What is refused for its records can be given up, and then it is a log.
void GiveUp(FileSystem& fs, const absl::Status& refusal) {
  const auto loss = FindLoss(fs, kFolder);
  CHECK(loss.ok(), "{}", loss.status().ToString());
  if (!loss->has_value()) {  // something else is wrong
    CHECK(refusal.message().find("were durable") == absl::string_view::npos, "{}",
          refusal.ToString());
    return;
  }
  Random random(1);
  const auto kept = AcceptLoss(fs, kFolder, **loss, "now", random);
  CHECK(kept.ok(), "{}", kept.status().ToString());
  const auto more = FindLoss(fs, kFolder);
  CHECK(more.ok() && !more->has_value(), "there is more to give up");
  CHECK(fs.Remove(JoinPath(kFolder, "partition.metadata")).ok());
  const auto log = OpenLog(fs, false);
  CHECK(log.ok(), "{}", log.status().ToString());
  CHECK((*log)->log_end_offset() == (*loss)->log_end_offset);
}

void Run(fuzz::InputReader& in) {
  SetLogLevel(LogLevel::kOff);  // of what is cut, thousands of times a second
  sim::SimFileSystem fs(1);
  CHECK(fs.CreateDirectories(kFolder).ok());
  const Folder folder = WriteFolder(fs, in);
  auto log = OpenLog(fs, folder.clean);
  if (!log.ok()) {
    CHECK(!log.status().message().empty());
    return GiveUp(fs, log.status());
  }
  absl::Status status = LookAround(**log);
  if (folder.is_verified()) {
    CHECK(status.ok(), "{}", status.ToString());
    // Every byte was checked, so another unclean start finds the same.
    const int64_t end = (*log)->log_end_offset();
    log = OpenLog(fs, false);
    CHECK(log.ok(), "{}", log.status().ToString());
    CHECK((*log)->log_end_offset() == end);
  }
  // A log at the last offset there is cannot be written.
  if ((*log)->log_end_offset() > (int64_t{1} << 40)) return;
  status = Work(fs, *std::move(log), folder.is_verified());
  CHECK(status.ok() || !folder.is_verified(), "{}", status.ToString());
}

}  // namespace
}  // namespace soliton::segment

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  soliton::fuzz::InputReader in(data, size);
  soliton::segment::Run(in);
  return 0;
}

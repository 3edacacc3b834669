// The small files of a data directory, each by itself: whatever a parser takes it must be able to
// write, and read again as the same value.
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "broker/lost_replicas.h"
#include "controller/quorum/vote_file.h"
#include "runtime/base/check.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/endian.h"
#include "runtime/file/file_system.h"
#include "segment/checkpoint_file.h"
#include "segment/data_directory.h"
#include "segment/index/offset_index.h"
#include "segment/index/time_index.h"
#include "segment/recovery_point_file.h"
#include "segment/segment_checkpoint.h"
#include "segment/state/leader_epoch_cache.h"
#include "segment/state/producer_state.h"
#include "tests/fuzz/input_reader.h"
#include "tests/sim/sim_file_system.h"

namespace soliton::segment {
namespace {

constexpr int64_t kBaseOffset = 1000;
constexpr int64_t kSegmentBytes = 1 << 20;

void ReadIndexes(std::string_view bytes) {
  const auto offsets = OffsetIndex::Decode(kBaseOffset, bytes, kSegmentBytes);
  if (offsets.ok()) {
    CHECK(offsets->Encode() == bytes);
    const auto last = offsets->last();
    CHECK(offsets->FloorOffset(INT64_MAX) == last.value_or(OffsetIndex::Entry{kBaseOffset, 0}));
  }
  const auto times = TimeIndex::Decode(kBaseOffset, bytes, kBaseOffset + (1 << 20));
  if (times.ok()) {
    CHECK(times->Encode() == bytes);
    CHECK(times->FloorTimestamp(INT64_MAX) == times->last());
  }
}

void ReadTexts(std::string_view text) {
  const auto epochs = LeaderEpochCache::Decode(text);
  if (epochs.ok()) {
    const auto again = LeaderEpochCache::Decode(epochs->Encode());
    CHECK(again.ok() && *again == *epochs);
    (void)epochs->EndOffsetFor(epochs->LatestEpoch(), INT64_MAX);
  }
  const auto lines = ParseCheckpoint(text);
  if (lines.ok()) CHECK(ParseCheckpoint(EncodeCheckpoint(*lines)).value() == *lines);
  const auto topic_id = ParsePartitionMetadata(text);
  if (topic_id.ok()) {
    CHECK(ParsePartitionMetadata(EncodePartitionMetadata(*topic_id)).value() == *topic_id);
  }
  (void)ParseProperties(text).status();
}

void ReadSnapshot(std::string_view bytes) {
  const auto table = ProducerStateTable::Decode(bytes);
  if (!table.ok()) return;
  const auto again = ProducerStateTable::Decode(table->Encode());
  CHECK(again.ok(), "{}", again.status().ToString());
  CHECK(*again == *table);
}

void WriteFile(FileSystem& fs, const std::string& path, std::string_view content) {
  auto file = fs.Open(path, OpenMode::kReadWriteOrCreate);
  CHECK(file.ok());
  const Buffer bytes = Buffer::CopyOf(content);
  CHECK(content.empty() || (*file)->Append(std::span(&bytes, 1)).ok());
}

void ReadRecoveryPoint(std::string_view bytes) {
  sim::SimFileSystem fs(1);
  CHECK(fs.CreateDirectories("/log").ok());
  WriteFile(fs, "/log/recovery-point.0", bytes.substr(0, bytes.size() / 2));
  WriteFile(fs, "/log/recovery-point.1", bytes.substr(bytes.size() / 2));
  auto file = RecoveryPointFile::Open(fs, "/log");
  CHECK(file.ok());
  const RecoveryPoint point{.durable_end_offset = 7, .active_size_bytes = 70};
  CHECK(file->AppendDurably(point).ok());
  const auto again = RecoveryPointFile::Open(fs, "/log");
  CHECK(again.ok() && again->last() == point, "what was written last is not what is read");
}

// With its checksum made right.
void ReadSegmentCheckpoint(std::span<const uint8_t> bytes) {
  Buffer content = Buffer::CopyOf(bytes);
  if (content.size() < 8) return;
  StoreBigEndian<uint32_t>(content.mutable_data(), Crc32c(content.span().subspan(4)));
  const auto checkpoint = SegmentCheckpoint::Decode(content.view());
  if (!checkpoint.ok()) return;
  const auto again = SegmentCheckpoint::Decode(checkpoint->Encode());
  CHECK(again.ok() && *again == *checkpoint);
}

// What must not be forgotten of a voter and of a broker. The vote file also with its checksum made
// right.
void ReadPromises(std::string_view text) {
  (void)controller::DecodeVote(text).status();
  const size_t last_line = std::min(text.rfind("crc32c="), text.size());
  const std::string_view body = text.substr(0, last_line);
  const auto* bytes = reinterpret_cast<const uint8_t*>(body.data());
  const auto vote = controller::DecodeVote(
      std::string(body) + fmt::format("crc32c={:08x}\n", Crc32c({bytes, body.size()})));
  if (vote.ok()) CHECK(controller::DecodeVote(controller::EncodeVote(*vote)).value() == *vote);

  sim::SimFileSystem fs(1);
  CHECK(fs.CreateDirectories("/data").ok());
  WriteFile(fs, JoinPath("/data", broker::kLostReplicasFile), text);
  broker::LostReplicas losses(fs, "/data");
  if (!losses.Read().ok()) return;
  CHECK(losses.Forget({}).ok());
  broker::LostReplicas again(fs, "/data");
  CHECK(again.Read().ok() && again.all() == losses.all());
}

void OpenDirectory(fuzz::InputReader& in) {
  static constexpr std::string_view kNames[] = {"meta.properties", ".kafka_cleanshutdown",
                                                "replication-offset-checkpoint",
                                                "topic-0/partition.metadata"};
  sim::SimFileSystem fs(1);
  CHECK(fs.CreateDirectories("/data/topic-0").ok());
  for (const std::string_view name : kNames) {
    const std::span<const uint8_t> piece = in.Piece();
    if (!piece.empty()) WriteFile(fs, JoinPath("/data", name), fuzz::AsText(piece));
  }
  Random random(1);
  const auto directory = DataDirectory::Open(fs, "/data", "", 1, random);
  if (!directory.ok()) {
    CHECK(!directory.status().message().empty());
    return;
  }
  (void)(*directory)->ListPartitions().status();
  (void)(*directory)->ReadHighWatermarks();
  CHECK((*directory)->MarkClean(5).ok());
}

}  // namespace
}  // namespace soliton::segment

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace soliton;
  fuzz::InputReader in(data, size);
  switch (in.Byte() % 7) {
    case 0:
      segment::ReadIndexes(fuzz::AsText(in.Rest()));
      break;
    case 1:
      segment::ReadTexts(fuzz::AsText(in.Rest()));
      break;
    case 2:
      segment::ReadSnapshot(fuzz::AsText(in.Rest()));
      break;
    case 3:
      segment::ReadRecoveryPoint(fuzz::AsText(in.Rest()));
      break;
    case 4:
      segment::ReadSegmentCheckpoint(in.Rest());
      break;
    case 5:
      segment::OpenDirectory(in);
      break;
    default:
      segment::ReadPromises(fuzz::AsText(in.Rest()));
  }
  return 0;
}

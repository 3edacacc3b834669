#include "tests/segment/log_fixture.h"

#include <cstdlib>

#include "protocol/record/batch_iterator.h"

namespace soliton::segment {

Buffer MakeBatch(const BatchSpec& spec, int64_t base_offset, int32_t leader_epoch) {
  kafka::BatchBuilder builder({.codec = spec.codec,
                               .base_offset = base_offset,
                               .leader_epoch = leader_epoch,
                               .producer_id = spec.producer_id,
                               .producer_epoch = spec.producer_epoch,
                               .base_sequence = spec.base_sequence});
  for (int i = 0; i < spec.records; ++i) builder.Append(spec.timestamp_ms, "key", spec.value);
  return builder.Build();
}

uint64_t FirstSeed() {
  const char* seed = std::getenv("SOLITON_TEST_SEED");
  return seed == nullptr ? 0 : std::strtoull(seed, nullptr, 10) * 1'000'000;
}

Buffer Concatenate(const std::vector<Buffer>& pieces) {
  std::string bytes;
  for (const Buffer& piece : pieces) bytes += piece.view();
  return Buffer::CopyOf(bytes);
}

std::vector<StoredBatch> ReadAll(Log& log, int64_t offset, int64_t upper_bound, int64_t max_bytes) {
  std::vector<StoredBatch> all;
  while (true) {
    const absl::StatusOr<LogSlice> slice = log.Read(offset, upper_bound, max_bytes, true);
    if (!slice.ok()) {
      ADD_FAILURE() << "read at " << offset << ": " << slice.status().ToString();
      return all;
    }
    if (slice->region.length == 0) return all;
    Buffer bytes = Buffer::Allocate(static_cast<size_t>(slice->region.length));
    const auto count = slice->region.file->ReadAt(slice->region.position,
                                                  std::span(bytes.mutable_data(), bytes.size()));
    if (!count.ok() || *count != bytes.size()) {
      ADD_FAILURE() << "region of " << bytes.size() << " bytes cannot be read";
      return all;
    }
    const auto split = kafka::SplitBatches(bytes);
    if (!split.ok() || split->cut_tail_bytes != 0) {
      ADD_FAILURE() << "a slice is not made of whole batches";
      return all;
    }
    for (const kafka::RecordBatchView& batch : split->batches) {
      EXPECT_TRUE(batch.CrcMatches()) << "offset " << batch.base_offset();
      all.push_back({batch.base_offset(), batch.last_offset(), batch.leader_epoch(),
                     std::string(batch.buffer().view())});
    }
    EXPECT_LE(slice->first_offset, offset);
    EXPECT_EQ(slice->first_offset, split->batches.front().base_offset());
    EXPECT_EQ(slice->end_offset, split->batches.back().next_offset());
    offset = slice->end_offset;
  }
}

std::vector<StoredBatch> ReadAll(Log& log) {
  return ReadAll(log, log.log_start_offset(), log.log_end_offset());
}

void PrintTo(const StoredBatch& batch, std::ostream* out) {
  *out << "[" << batch.base_offset << ".." << batch.last_offset << " epoch " << batch.leader_epoch
       << ", " << batch.bytes.size() << " bytes]";
}

absl::Status LogTest::Open(bool clean_shutdown) {
  log.reset();
  auto opened =
      Log::Open(fs, clock, options,
                {.directory = directory, .topic_id = topic_id, .clean_shutdown = clean_shutdown});
  if (!opened.ok()) return opened.status();
  log = *std::move(opened);
  return absl::OkStatus();
}

bool LogTest::Flush() {
  const std::optional<FlushTicket> ticket = log->TakeFlush();
  if (!ticket) return false;
  log->FlushDone(*ticket, ticket->Run(fs));
  return true;
}

}  // namespace soliton::segment

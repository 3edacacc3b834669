// Record batches from outside: the batch walk, the validator, every codec, and the promise that
// whatever the validator lets in, the record iterator can read.
#include <algorithm>
#include <cstdint>
#include <string>

#include "protocol/record/batch_iterator.h"
#include "protocol/record/control_record.h"
#include "protocol/record/decompressor.h"
#include "protocol/record/record_iterator.h"
#include "protocol/record/record_scanner.h"
#include "runtime/base/check.h"
#include "segment/state/batch_validator_core.h"

namespace soliton {
namespace {

using kafka::RecordBatchView;

constexpr size_t kMaxOutputBytes = 1 << 20;
constexpr int64_t kNowMs = 1'700'000'000'000;

bool Iterates(const RecordBatchView& batch) {
  auto records = kafka::RecordIterator::Open(batch, kMaxOutputBytes);
  if (!records.ok()) return false;
  kafka::Record record;
  while (true) {
    const absl::StatusOr<bool> more = records->Next(record);
    if (!more.ok() || !*more) return more.ok();
  }
}

bool Scans(const RecordBatchView& batch) {
  auto source = kafka::Decompressor::Create(batch.codec(), batch.records());
  if (!source.ok()) return false;
  kafka::RecordScanner scanner(**source, batch.records_count(), kMaxOutputBytes);
  kafka::ScannedRecord record;
  auto step = kafka::RecordScanner::Step::kRecord;
  while (step == kafka::RecordScanner::Step::kRecord) step = scanner.Next(record);
  return step == kafka::RecordScanner::Step::kEnd;
}

void Judge(const RecordBatchView& batch) {
  const bool readable = Iterates(batch);
  CHECK(readable == Scans(batch), "iterator says {}, scanner does not", readable);
  (void)kafka::ReadControlRecord(batch);
  segment::BatchValidationOptions options;
  options.max_uncompressed_bytes = kMaxOutputBytes;
  segment::BatchVerdict verdict =
      segment::ValidateBatch(batch.buffer(), options, {.now_ms = kNowMs});
  if (!verdict.ok()) {
    CHECK(!verdict.message.empty() && !verdict.batch.has_value());
    return;
  }
  CHECK(readable);
  segment::ApplyTimestamps(verdict, options);
  CHECK(verdict.batch->CrcMatches());
  const auto as_follower = segment::ValidateBatch(verdict.batch->buffer(), options,
                                                  {.origin = segment::AppendOrigin::kReplication});
  CHECK(as_follower.ok(), "{}", as_follower.message);
}

void Run(std::span<const uint8_t> input) {
  const Buffer bytes = Buffer::CopyOf(input);
  segment::BatchVerdict raw = segment::ValidateBatch(bytes, {}, {.now_ms = kNowMs});
  CHECK(raw.ok() == raw.batch.has_value());
  (void)kafka::SplitBatches(bytes);
  if (bytes.size() < kafka::kBatchHeaderBytes) return;

  // The same bytes with length, magic and CRC made right, so that what lies behind them is reached.
  Buffer repaired = Buffer::CopyOf(input);
  uint8_t* const to = repaired.mutable_data();
  StoreBigEndian(to + kafka::batch_layout::kBatchLength,
                 static_cast<int32_t>(repaired.size() - kafka::kBatchPrefixBytes));
  to[kafka::batch_layout::kMagic] = kafka::kBatchMagic;
  absl::StatusOr<RecordBatchView> batch = RecordBatchView::Parse(repaired);
  if (!batch.ok()) return;
  batch->SetMaxTimestamp(batch->max_timestamp());  // recomputes the CRC
  CHECK(batch->CrcMatches());
  Judge(*batch);
}

}  // namespace
}  // namespace soliton

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  soliton::Run({data, size});
  return 0;
}

#include "segment/state/batch_validator_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "protocol/record/decompressor.h"
#include "protocol/record/record_scanner.h"
#include "runtime/base/check.h"
#include "runtime/base/crc32c.h"

namespace soliton::segment {
namespace {

using kafka::Codec;
using kafka::ErrorCode;
using kafka::RecordBatchHeader;
using kafka::RecordBatchView;
using kafka::RecordScanner;
using kafka::TimestampType;

constexpr int16_t kFirstProduceVersionWithZstd = 7;

BatchVerdict Refuse(ErrorCode error, std::string message) {
  BatchVerdict verdict;
  verdict.error = error;
  verdict.message = std::move(message);
  return verdict;
}

// Whether the bytes are one whole v2 batch with a matching CRC. Only what the CRC does not cover,
// or what must be known to find it, is looked at before.
std::optional<BatchVerdict> CheckEnvelope(const Buffer& records, AppendOrigin origin,
                                          int32_t max_message_bytes) {
  if (records.size() <= kafka::batch_layout::kMagic) {
    return Refuse(ErrorCode::INVALID_RECORD,
                  fmt::format("{} bytes hold no record batch", records.size()));
  }
  const RecordBatchHeader header(records.data());
  if (header.magic() == 0 || header.magic() == 1) {
    return Refuse(ErrorCode::INVALID_RECORD,
                  fmt::format("message format v{} is not supported, use v2 (Produce 3 or newer)",
                              header.magic()));
  }
  if (header.magic() != kafka::kBatchMagic) {
    return Refuse(ErrorCode::CORRUPT_MESSAGE,
                  fmt::format("record batch has unknown magic {}", header.magic()));
  }
  if (header.size_bytes() < static_cast<int64_t>(kafka::kBatchHeaderBytes)) {
    return Refuse(ErrorCode::CORRUPT_MESSAGE,
                  fmt::format("batch length {} is too small", header.batch_length()));
  }
  const auto held_bytes = static_cast<int64_t>(records.size());
  if (header.size_bytes() > held_bytes) {
    return Refuse(
        origin == AppendOrigin::kClient ? ErrorCode::INVALID_RECORD : ErrorCode::CORRUPT_MESSAGE,
        fmt::format("record batch of {} bytes is cut after {}", header.size_bytes(), held_bytes));
  }
  if (header.size_bytes() < held_bytes) {
    return Refuse(ErrorCode::INVALID_RECORD,
                  fmt::format("{} bytes follow the record batch: exactly one batch is allowed",
                              held_bytes - header.size_bytes()));
  }
  if (origin == AppendOrigin::kClient && header.size_bytes() > max_message_bytes) {
    return Refuse(ErrorCode::MESSAGE_TOO_LARGE,
                  fmt::format("record batch of {} bytes exceeds max.message.bytes = {}",
                              header.size_bytes(), max_message_bytes));
  }
  const uint32_t crc = Crc32c(records.span().subspan(kafka::batch_layout::kAttributes));
  if (crc != header.crc()) {
    return Refuse(
        ErrorCode::CORRUPT_MESSAGE,
        fmt::format("record batch has CRC {:08x}, its bytes have {:08x}", header.crc(), crc));
  }
  return std::nullopt;
}

std::optional<BatchVerdict> CheckClientHeader(const RecordBatchHeader& header,
                                              const ValidationContext& context) {
  constexpr ErrorCode kInvalid = ErrorCode::INVALID_RECORD;
  // In 64 bits: a last offset delta of 2^31-1 has no successor in 32.
  if (header.records_count() <= 0 ||
      int64_t{header.last_offset_delta()} + 1 != int64_t{header.records_count()}) {
    return Refuse(kInvalid, fmt::format("record batch claims {} records and last offset delta {}",
                                        header.records_count(), header.last_offset_delta()));
  }
  if (header.base_offset() != 0) {
    return Refuse(kInvalid, fmt::format("record batch from a client has base offset {}, not 0",
                                        header.base_offset()));
  }
  if (header.is_control()) return Refuse(kInvalid, "clients may not write control batches");
  if (header.has_producer_id() && (header.base_sequence() < 0 || header.producer_epoch() < 0)) {
    return Refuse(kInvalid, fmt::format("record batch of producer {} has epoch {} and sequence {}",
                                        header.producer_id(), header.producer_epoch(),
                                        header.base_sequence()));
  }
  if (static_cast<uint8_t>(header.codec()) >= kafka::kCodecCount) {
    return Refuse(kInvalid, fmt::format("{} does not exist", kafka::CodecName(header.codec())));
  }
  if (header.codec() == Codec::kZstd && context.produce_version < kFirstProduceVersionWithZstd) {
    return Refuse(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, "zstd needs Produce version 7 or newer");
  }
  if (header.timestamp_type() == TimestampType::kLogAppendTime) {
    return Refuse(ErrorCode::INVALID_TIMESTAMP,
                  "clients may not set the timestamp type LogAppendTime");
  }
  return std::nullopt;
}

// What the records' timestamps may be, as an inclusive range. The largest setting means "no limit".
struct TimestampRange {
  int64_t min_ms = std::numeric_limits<int64_t>::min();
  int64_t max_ms = std::numeric_limits<int64_t>::max();

  TimestampRange(const BatchValidationOptions& options, int64_t now_ms) {
    constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();
    const int64_t before_ms = options.timestamp_before_max_ms;
    const int64_t after_ms = options.timestamp_after_max_ms;
    if (before_ms != kUnlimited && now_ms >= min_ms + before_ms) min_ms = now_ms - before_ms;
    if (after_ms != kUnlimited && now_ms <= max_ms - after_ms) max_ms = now_ms + after_ms;
  }
  bool Contains(int64_t timestamp_ms) const {
    return timestamp_ms == kafka::kNoTimestamp ||
           (timestamp_ms >= min_ms && timestamp_ms <= max_ms);
  }
};

// Walks the records of one client batch and collects what is wrong with them.
class RecordWalk {
 public:
  RecordWalk(const RecordBatchView& batch, const BatchValidationOptions& options, int64_t now_ms)
      : batch_(batch), options_(options), range_(options, now_ms) {}

  BatchVerdict Run() {
    if (batch_.codec() == Codec::kNone) {
      kafka::PlainPayload plain(batch_.records());
      return Walk(plain);
    }
    auto source = kafka::Decompressor::Create(batch_.codec(), batch_.records());
    return source.ok() ? Walk(**source) : Malformed(source.status());
  }

 private:
  BatchVerdict Walk(kafka::Decompressor& source) {
    // Uncompressed records are bounded by the batch itself.
    const auto limit_bytes = static_cast<uint64_t>(
        std::max<int64_t>(options_.max_uncompressed_bytes, batch_.bytes().size()));
    RecordScanner scanner(source, batch_.records_count(), limit_bytes);
    kafka::ScannedRecord record;
    for (index_ = 0;; ++index_) {
      const RecordScanner::Step step = scanner.Next(record);
      if (step == RecordScanner::Step::kError) return Malformed(scanner.status());
      if (step == RecordScanner::Step::kEnd) return Finish();
      if (record.offset_delta != index_) {
        Note(fmt::format("offset delta {} where {} must be", record.offset_delta, index_));
        return Finish();
      }
      Judge(record);
    }
  }

  void Note(std::string message) {
    ++wrong_records_;
    if (errors_.size() < kMaxRecordErrors) errors_.push_back({index_, std::move(message)});
  }

  void Judge(const kafka::ScannedRecord& record) {
    if (options_.compacted && !record.has_key) {
      Note("a record without a key cannot enter a compacted topic");
    }
    if (options_.timestamp_type == TimestampType::kLogAppendTime) return;
    // Wraps as every reader's addition does.
    const auto timestamp_ms = static_cast<int64_t>(static_cast<uint64_t>(batch_.base_timestamp()) +
                                                   static_cast<uint64_t>(record.timestamp_delta));
    max_timestamp_ms_ = index_ == 0 ? timestamp_ms : std::max(max_timestamp_ms_, timestamp_ms);
    if (!range_.Contains(timestamp_ms)) {
      bad_timestamp_ = true;
      Note(fmt::format("timestamp {} is not within [{}, {}]", timestamp_ms, range_.min_ms,
                       range_.max_ms));
    }
  }

  BatchVerdict Malformed(const absl::Status& status) {
    if (absl::IsResourceExhausted(status)) {
      return Refuse(ErrorCode::MESSAGE_TOO_LARGE,
                    fmt::format("the records expand to more than {} bytes: send smaller batches",
                                options_.max_uncompressed_bytes));
    }
    std::string message(status.message());
    BatchVerdict verdict = Refuse(ErrorCode::INVALID_RECORD, message);
    verdict.record_errors.push_back({std::min(index_, batch_.last_offset_delta()), message});
    return verdict;
  }

  BatchVerdict Finish() {
    if (wrong_records_ > 0) {
      BatchVerdict verdict =
          Refuse(bad_timestamp_ ? ErrorCode::INVALID_TIMESTAMP : ErrorCode::INVALID_RECORD,
                 fmt::format("{} of {} records are refused; the first, {}: {}", wrong_records_,
                             batch_.records_count(), errors_.front().batch_index,
                             errors_.front().message));
      verdict.record_errors = std::move(errors_);
      return verdict;
    }
    BatchVerdict verdict;
    verdict.max_timestamp_ms = max_timestamp_ms_;
    return verdict;
  }

  const RecordBatchView& batch_;
  const BatchValidationOptions& options_;
  const TimestampRange range_;
  int32_t index_ = 0;
  int64_t wrong_records_ = 0;
  bool bad_timestamp_ = false;
  int64_t max_timestamp_ms_ = kafka::kNoTimestamp;
  std::vector<RecordError> errors_;
};

BatchVerdict ValidateClientBatch(const Buffer& records, const BatchValidationOptions& options,
                                 const ValidationContext& context) {
  const RecordBatchHeader header(records.data());
  if (auto refused = CheckClientHeader(header, context)) return *std::move(refused);
  absl::StatusOr<RecordBatchView> batch = RecordBatchView::Parse(records);
  CHECK(batch.ok(), "a checked batch does not parse: {}", std::string(batch.status().message()));
  BatchVerdict verdict = RecordWalk(*batch, options, context.now_ms).Run();
  if (!verdict.ok()) return verdict;
  if (options.timestamp_type == TimestampType::kLogAppendTime) {
    verdict.max_timestamp_ms = context.now_ms;
    verdict.rewrite_timestamps = true;
  } else {
    verdict.rewrite_timestamps = verdict.max_timestamp_ms != batch->max_timestamp();
  }
  verdict.batch = *std::move(batch);
  return verdict;
}

// A leader's batch may have lost records to compaction, and may be a control batch.
BatchVerdict ValidateReplicatedBatch(const Buffer& records) {
  absl::StatusOr<RecordBatchView> batch = RecordBatchView::Parse(records);
  if (!batch.ok()) {
    return Refuse(ErrorCode::CORRUPT_MESSAGE, std::string(batch.status().message()));
  }
  if (int64_t{batch->records_count()} > int64_t{batch->last_offset_delta()} + 1 ||
      static_cast<uint8_t>(batch->codec()) >= kafka::kCodecCount) {
    return Refuse(ErrorCode::CORRUPT_MESSAGE,
                  fmt::format("record batch at {} has {} records, last offset delta {} and {}",
                              batch->base_offset(), batch->records_count(),
                              batch->last_offset_delta(), kafka::CodecName(batch->codec())));
  }
  BatchVerdict verdict;
  verdict.max_timestamp_ms = batch->max_timestamp();
  verdict.batch = *std::move(batch);
  return verdict;
}

}  // namespace

BatchVerdict ValidateBatch(const Buffer& records, const BatchValidationOptions& options,
                           const ValidationContext& context) {
  if (auto refused = CheckEnvelope(records, context.origin, options.max_message_bytes))
    return *std::move(refused);
  return context.origin == AppendOrigin::kClient ? ValidateClientBatch(records, options, context)
                                                 : ValidateReplicatedBatch(records);
}

void ApplyTimestamps(BatchVerdict& verdict, const BatchValidationOptions& options) {
  CHECK(verdict.ok() && verdict.batch.has_value());
  if (!verdict.rewrite_timestamps) return;
  if (options.timestamp_type == TimestampType::kLogAppendTime) {
    verdict.batch->SetLogAppendTime(verdict.max_timestamp_ms);
  } else {
    verdict.batch->SetMaxTimestamp(verdict.max_timestamp_ms);
  }
  verdict.rewrite_timestamps = false;
}

}  // namespace soliton::segment

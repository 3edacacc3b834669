#include "cli/batch_printer.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "cli/output.h"
#include "cli/record_format.h"
#include "protocol/record/codec.h"
#include "protocol/record/control_record.h"
#include "protocol/record/record_iterator.h"

namespace soliton::cli {
namespace {

using kafka::RecordBatchView;

// More than any broker takes.
constexpr size_t kMaxRecordsBytes = size_t{1} << 30;

std::string_view TimestampTypeName(const RecordBatchView& batch) {
  return batch.timestamp_type() == kafka::TimestampType::kLogAppendTime ? "append" : "create";
}

void PrintHeaderText(int64_t position, const RecordBatchView& batch, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 "byte {}  offsets {}..{}  epoch {}  records {}  {} bytes  {}  {} ({})", position,
                 batch.base_offset(), batch.last_offset(), batch.leader_epoch(),
                 batch.records_count(), batch.size_bytes(), kafka::CodecName(batch.codec()),
                 IsoTime(batch.max_timestamp()), TimestampTypeName(batch));
  if (batch.has_producer_id()) {
    fmt::format_to(std::back_inserter(out), "  producer {}/{} sequence {}..{}", batch.producer_id(),
                   batch.producer_epoch(), batch.base_sequence(), batch.last_sequence());
  }
  if (batch.is_transactional()) out += "  transactional";
  if (batch.is_control()) out += "  control";
  out += '\n';
}

void PrintHeaderJson(std::string_view file, int64_t position, const RecordBatchView& batch,
                     std::string& out) {
  fmt::format_to(
      std::back_inserter(out),
      "{{\"file\":{},\"position\":{},\"size_bytes\":{},\"base_offset\":{},\"last_offset\":{},"
      "\"leader_epoch\":{},\"records_count\":{},\"codec\":\"{}\",\"timestamp_type\":\"{}\","
      "\"base_timestamp\":{},\"max_timestamp\":{},\"producer_id\":{},\"producer_epoch\":{},"
      "\"base_sequence\":{},\"transactional\":{},\"control\":{},\"crc\":{}",
      JsonQuote(file), position, batch.size_bytes(), batch.base_offset(), batch.last_offset(),
      batch.leader_epoch(), batch.records_count(), kafka::CodecName(batch.codec()),
      TimestampTypeName(batch), batch.base_timestamp(), batch.max_timestamp(), batch.producer_id(),
      batch.producer_epoch(), batch.base_sequence(), batch.is_transactional(), batch.is_control(),
      batch.crc());
}

std::string Quoted(const std::optional<std::string_view>& bytes) {
  if (!bytes) return "null";
  return IsUtf8(*bytes) ? JsonQuote(*bytes) : fmt::format("base64:{}", Base64(*bytes));
}

void PrintRecordText(int64_t offset, int64_t timestamp_ms, const kafka::Record& record,
                     std::string& out) {
  fmt::format_to(std::back_inserter(out), "  offset {}  {}  key {}  value {}", offset,
                 IsoTime(timestamp_ms), Quoted(record.key), Quoted(record.value));
  for (const kafka::RecordHeader& header : record.headers) {
    fmt::format_to(std::back_inserter(out), "  header {} {}", Quoted(header.key),
                   Quoted(header.value));
  }
  out += '\n';
}

void PrintRecordJson(int64_t offset, int64_t timestamp_ms, const kafka::Record& record,
                     std::string& out) {
  fmt::format_to(std::back_inserter(out), "{{\"offset\":{},\"timestamp\":{},", offset,
                 timestamp_ms);
  PrintJsonBytes("key", record.key, out);
  out += ',';
  PrintJsonBytes("value", record.value, out);
  out += ",\"headers\":[";
  bool first = true;
  for (const kafka::RecordHeader& header : record.headers) {
    if (!std::exchange(first, false)) out += ',';
    out += '{';
    PrintJsonBytes("key", header.key, out);
    out += ',';
    PrintJsonBytes("value", header.value, out);
    out += '}';
  }
  out += "]}";
}

}  // namespace

absl::Status BatchPrinter::Print(std::string_view file, int64_t position,
                                 const RecordBatchView& batch, int64_t* left,
                                 std::string& out) const {
  if (json) {
    PrintHeaderJson(file, position, batch, out);
  } else {
    PrintHeaderText(position, batch, out);
  }
  if (!with_records) {
    --*left;
    if (json) out += "}\n";
    return absl::OkStatus();
  }
  auto records = kafka::RecordIterator::Open(batch, kMaxRecordsBytes);
  if (!records.ok()) return records.status();
  if (json) out += ",\"records\":[";
  bool first = true;
  kafka::Record record;
  while (*left > 0) {
    const absl::StatusOr<bool> more = records->Next(record);
    if (!more.ok()) return more.status();
    if (!*more) break;
    const int64_t offset = batch.base_offset() + record.offset_delta;
    if (offset < from_offset) continue;
    --*left;
    if (!json) {
      PrintRecordText(offset, TimestampOf(batch, record), record, out);
      continue;
    }
    if (!std::exchange(first, false)) out += ',';
    PrintRecordJson(offset, TimestampOf(batch, record), record, out);
  }
  if (json) out += "]}\n";
  return absl::OkStatus();
}

}  // namespace soliton::cli

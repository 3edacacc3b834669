#include "protocol/record/record_iterator.h"

#include <fmt/format.h>

#include "protocol/record/compression.h"
#include "protocol/record/varint.h"

namespace soliton::kafka {
namespace {

absl::Status Corrupt(std::string_view what) {
  return absl::DataLossError(fmt::format("record: {}", what));
}

// A cursor over the body of one record. Every read reports whether the bytes were there.
class Cursor {
 public:
  Cursor(const uint8_t* at, const uint8_t* end) : at_(at), end_(end) {}

  bool Varint(int32_t& value) {
    at_ = DecodeVarint(at_, end_, value);
    return at_ != nullptr;
  }
  bool Varlong(int64_t& value) {
    at_ = DecodeVarlong(at_, end_, value);
    return at_ != nullptr;
  }
  bool SkipByte() {
    if (at_ == end_) return false;
    ++at_;
    return true;
  }
  // Length -1 is null; other negative lengths are lies.
  bool NullableBytes(std::optional<std::string_view>& value) {
    int32_t length = 0;
    if (!Varint(length)) return false;
    value.reset();
    if (length == -1) return true;
    if (length < 0 || length > end_ - at_) return false;
    value.emplace(reinterpret_cast<const char*>(at_), static_cast<size_t>(length));
    at_ += length;
    return true;
  }
  const uint8_t* at() const { return at_; }
  size_t left_bytes() const { return static_cast<size_t>(end_ - at_); }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

bool ReadHeaders(Cursor& cursor, std::vector<RecordHeader>& headers) {
  headers.clear();
  int32_t count = 0;
  // A header takes two bytes or more, so a count that lies cannot make us reserve or loop for long.
  if (!cursor.Varint(count) || count < 0 || static_cast<size_t>(count) > cursor.left_bytes() / 2) {
    return false;
  }
  for (int32_t i = 0; i < count; ++i) {
    std::optional<std::string_view> key;
    RecordHeader& header = headers.emplace_back();
    if (!cursor.NullableBytes(key) || !key.has_value() || !cursor.NullableBytes(header.value)) {
      return false;
    }
    header.key = *key;
  }
  return true;
}

}  // namespace

absl::StatusOr<RecordIterator> RecordIterator::Open(const RecordBatchView& batch,
                                                    size_t max_output_bytes) {
  if (batch.codec() == Codec::kNone) {
    return RecordIterator(batch.records_buffer(), batch.records_count());
  }
  absl::StatusOr<Buffer> payload = Decompress(batch.codec(), batch.records(), max_output_bytes);
  if (!payload.ok()) return payload.status();
  return RecordIterator(*std::move(payload), batch.records_count());
}

absl::StatusOr<bool> RecordIterator::Next(Record& record) {
  const uint8_t* const begin = payload_.data() + position_;
  const uint8_t* const end = payload_.data() + payload_.size();
  if (left_ <= 0) {
    if (begin != end) return Corrupt(fmt::format("{} bytes after the last one", end - begin));
    return false;
  }
  int32_t length = 0;
  const uint8_t* const body = DecodeVarint(begin, end, length);
  if (body == nullptr || length < 0 || length > end - body)
    return Corrupt("length exceeds the batch");
  Cursor cursor(body, body + length);
  if (!cursor.SkipByte() || !cursor.Varlong(record.timestamp_delta) ||
      !cursor.Varint(record.offset_delta) || !cursor.NullableBytes(record.key) ||
      !cursor.NullableBytes(record.value) || !ReadHeaders(cursor, record.headers)) {
    return Corrupt("field exceeds the record");
  }
  if (cursor.left_bytes() != 0) return Corrupt("bytes after the last header");
  position_ = static_cast<size_t>(cursor.at() - payload_.data());
  --left_;
  return true;
}

int64_t TimestampOf(const RecordBatchHeader& batch, const Record& record) {
  if (batch.timestamp_type() == TimestampType::kLogAppendTime) return batch.max_timestamp();
  return static_cast<int64_t>(static_cast<uint64_t>(batch.base_timestamp()) +
                              static_cast<uint64_t>(record.timestamp_delta));
}

}  // namespace soliton::kafka

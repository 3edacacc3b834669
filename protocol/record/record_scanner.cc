#include "protocol/record/record_scanner.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "protocol/record/varint.h"

namespace soliton::kafka {
namespace {

absl::Status Corrupt(std::string_view what) {
  return absl::DataLossError(fmt::format("record: {}", what));
}

template <typename Source>
bool SkipNullable(Source& source, bool& present) {
  int32_t length = 0;
  if (!source.Varint(length) || length < -1) return false;
  present = length >= 0;
  return !present || source.Skip(length);
}

// The body of one record, which must fill `source` exactly.
template <typename Source>
bool ScanBody(Source& source, ScannedRecord& record) {
  int32_t header_count = 0;
  if (!source.Skip(1) || !source.Varlong(record.timestamp_delta) ||
      !source.Varint(record.offset_delta) || !SkipNullable(source, record.has_key) ||
      !SkipNullable(source, record.has_value) || !source.Varint(header_count) || header_count < 0) {
    return false;
  }
  for (; header_count > 0; --header_count) {
    bool has_key = false;
    bool has_value = false;
    if (!SkipNullable(source, has_key) || !has_key || !SkipNullable(source, has_value))
      return false;
  }
  return source.left_bytes() == 0;
}

}  // namespace

// A record that lies within the current chunk: the usual case.
class RecordScanner::Contiguous {
 public:
  Contiguous(const uint8_t* at, int32_t length) : at_(at), end_(at + length) {}
  bool Varint(int32_t& value) {
    at_ = DecodeVarint(at_, end_, value);
    return at_ != nullptr;
  }
  bool Varlong(int64_t& value) {
    at_ = DecodeVarlong(at_, end_, value);
    return at_ != nullptr;
  }
  bool Skip(int32_t length) {
    if (length > end_ - at_) return false;
    at_ += length;
    return true;
  }
  int64_t left_bytes() const { return end_ - at_; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

// A record that crosses chunks: fields are collected byte by byte, contents are skipped.
class RecordScanner::Chunked {
 public:
  Chunked(RecordScanner& scanner, int64_t limit_bytes) : scanner_(scanner), left_(limit_bytes) {}
  bool Varint(int32_t& value) {
    uint8_t bytes[kMaxVarintBytes];
    const size_t count = Collect(bytes);
    return DecodeVarint(bytes, bytes + count, value) != nullptr;
  }
  bool Varlong(int64_t& value) {
    uint8_t bytes[kMaxVarlongBytes];
    const size_t count = Collect(bytes);
    return DecodeVarlong(bytes, bytes + count, value) != nullptr;
  }
  bool Skip(int32_t length) {
    if (length > left_) return false;
    left_ -= length;
    int64_t rest = length;
    while (rest > 0) {
      if (!scanner_.Refill()) return false;
      const int64_t step = std::min<int64_t>(rest, scanner_.end_ - scanner_.at_);
      scanner_.at_ += step;
      rest -= step;
    }
    return true;
  }
  int64_t left_bytes() const { return left_; }

 private:
  // The bytes of one varint, as far as they go.
  size_t Collect(std::span<uint8_t> bytes) {
    size_t count = 0;
    while (count < bytes.size() && left_ > 0 && scanner_.Refill()) {
      const uint8_t byte = *scanner_.at_++;
      --left_;
      bytes[count++] = byte;
      if (byte < 0x80) break;
    }
    return count;
  }

  RecordScanner& scanner_;
  int64_t left_;
};

bool RecordScanner::Refill() {
  if (at_ != end_) return true;
  if (!status_.ok()) return false;
  absl::StatusOr<std::span<const uint8_t>> chunk = source_.Next();
  if (!chunk.ok()) {
    status_ = chunk.status();
    return false;
  }
  if (chunk->size() > output_left_bytes_) {
    status_ = absl::ResourceExhaustedError("the records expand beyond the limit");
    return false;
  }
  output_left_bytes_ -= chunk->size();
  at_ = chunk->data();
  end_ = at_ + chunk->size();
  return at_ != end_;
}

bool RecordScanner::ReadLength(int32_t& length) {
  if (end_ - at_ >= static_cast<ptrdiff_t>(kMaxVarintBytes)) {
    const uint8_t* after = DecodeVarint(at_, end_, length);
    if (after == nullptr) return false;
    at_ = after;
    return true;
  }
  return Chunked(*this, kMaxVarintBytes).Varint(length);
}

RecordScanner::Step RecordScanner::Fail(absl::Status status) {
  // A failure of the stream explains the missing bytes better than the missing bytes do.
  if (status_.ok()) status_ = std::move(status);
  return Step::kError;
}

RecordScanner::Step RecordScanner::Next(ScannedRecord& record) {
  if (!status_.ok()) return Step::kError;
  if (left_ <= 0) {
    if (Refill()) return Fail(Corrupt("bytes after the last one"));
    return status_.ok() ? Step::kEnd : Step::kError;
  }
  int32_t length = 0;
  if (!ReadLength(length) || length < 0) return Fail(Corrupt("no length where one must be"));
  bool well_formed = false;
  if (length <= end_ - at_) {
    Contiguous body(at_, length);
    well_formed = ScanBody(body, record);
    at_ += length;
  } else {
    Chunked body(*this, length);
    well_formed = ScanBody(body, record);
  }
  if (!well_formed) return Fail(Corrupt("its fields do not fill its length"));
  --left_;
  return Step::kRecord;
}

}  // namespace soliton::kafka

// Reads one frame that came from outside. Every read is bounds-checked; the first failure sticks:
// status() tells what was wrong and at which byte, and all further reads return zero or empty. So
// callers read a whole struct and look at status() once. Never throws, and allocates at most a
// fixed multiple of the bytes that are left, whatever a length claims. Bytes and records are slices
// of the frame, not copies. Not thread-safe.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "protocol/wire/error_code.h"
#include "protocol/wire/records.h"
#include "protocol/wire/tagged_field.h"
#include "runtime/base/buffer.h"
#include "runtime/base/endian.h"
#include "runtime/base/uuid.h"

namespace soliton::kafka {

class Decoder {
 public:
  explicit Decoder(Buffer frame);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  bool ok() const { return ok_; }
  const absl::Status& status() const { return status_; }
  size_t remaining() const { return static_cast<size_t>(end_ - cursor_); }
  size_t position() const { return static_cast<size_t>(cursor_ - frame_.data()); }
  // The bytes that are left, without consuming them; no copy.
  Buffer Rest() const { return frame_.Slice(position(), remaining()); }
  // The same; the decoder is at its end and has no frame afterwards.
  Buffer TakeRest() {
    const size_t begin = position();
    const size_t length = remaining();
    Buffer rest = std::exchange(frame_, Buffer()).Slice(begin, length);
    cursor_ = end_ = nullptr;
    return rest;
  }
  std::span<const uint8_t> rest_span() const { return {cursor_, remaining()}; }
  const Buffer& frame() const { return frame_; }
  // Makes the decoder fail with kInvalidArgument. A later failure does not replace an earlier one.
  void Fail(std::string_view what);

  bool Bool() { return Fixed<int8_t>() != 0; }
  int8_t Int8() { return Fixed<int8_t>(); }
  int16_t Int16() { return Fixed<int16_t>(); }
  uint16_t Uint16() { return Fixed<uint16_t>(); }
  int32_t Int32() { return Fixed<int32_t>(); }
  uint32_t Uint32() { return Fixed<uint32_t>(); }
  int64_t Int64() { return Fixed<int64_t>(); }
  ErrorCode Error() { return static_cast<ErrorCode>(Fixed<int16_t>()); }
  double Float64() { return std::bit_cast<double>(Fixed<int64_t>()); }
  soliton::Uuid Uuid() {
    soliton::Uuid id;
    id.high = Fixed<uint64_t>();
    id.low = Fixed<uint64_t>();
    return id;
  }
  // At most 5 bytes and 32 bits.
  uint32_t UnsignedVarint() {
    if (cursor_ != end_ && *cursor_ < 0x80) [[likely]]
      return *cursor_++;
    return LongVarint();
  }

  // `flexible`: compact lengths. A null where `allow_null` is false is a failure.
  std::string String(bool flexible);
  std::optional<std::string> NullableString(bool flexible, bool allow_null);
  Buffer Bytes(bool flexible);
  std::optional<Buffer> NullableBytes(bool flexible, bool allow_null);
  Records RecordsField(bool flexible, bool allow_null);

  // Elements take at least `min_element_bytes` each, so a count that cannot fit in the rest of the
  // frame fails before anything is allocated for it.
  // Values: std::vector or absl::InlinedVector.
  template <class Values, class ReadElement>
  void Array(Values& values, bool flexible, size_t min_element_bytes, ReadElement read) {
    ReadElements(values, ArrayLength(flexible, min_element_bytes, false), read);
  }
  template <class Values, class ReadElement>
  void NullableArray(std::optional<Values>& values, bool flexible, bool allow_null,
                     size_t min_element_bytes, ReadElement read) {
    const int64_t count = ArrayLength(flexible, min_element_bytes, allow_null);
    if (count < 0) {
      values.reset();
      return;
    }
    ReadElements(values.emplace(), count, read);
  }
  template <class Struct>
  void NullableStruct(std::optional<Struct>& value, int16_t version) {
    const int8_t marker = Int8();
    if (marker < 0 || !ok_) {
      value.reset();
    } else {
      value.emplace().DecodeFrom(*this, version);
    }
  }

  // Tagged fields: for each of TagCount(), BeginTag(); then either read the value and EndTag(), or
  // take it as it is with UnknownTag(). In between, reads end at the end of the value. FinishTags()
  // afterwards.
  struct Tag {
    uint32_t tag = 0;
    const uint8_t* outer_end = nullptr;
  };
  uint32_t TagCount() {
    const uint32_t count = UnsignedVarint();
    // A tagged field takes two bytes at least.
    if (count <= remaining() / 2) [[likely]]
      return count;
    FailTagCount(count);
    return 0;
  }
  Tag BeginTag();
  void EndTag(const Tag& tag);
  void UnknownTag(const Tag& tag, std::vector<UnknownTaggedField>& unknown);
  // Puts unknown fields that came out of order in order; the same tag twice is a failure.
  void FinishTags(std::vector<UnknownTaggedField>& unknown) {
    if (unknown.size() >= 2) SortTags(unknown);
  }

 private:
  template <class T>
  T Fixed() {
    if (remaining() < sizeof(T)) [[unlikely]] {
      FailTruncated(sizeof(T));
      return 0;
    }
    const T value = LoadBigEndian<T>(cursor_);
    cursor_ += sizeof(T);
    return value;
  }

  template <class Values, class ReadElement>
  void ReadElements(Values& values, int64_t count, ReadElement read) {
    values.clear();
    values.reserve(static_cast<size_t>(count));
    for (int64_t i = 0; i < count && ok_; ++i) read(values.emplace_back());
  }

  // Of more than one byte, or cut.
  uint32_t LongVarint();
  void FailTagCount(uint32_t count);
  void SortTags(std::vector<UnknownTaggedField>& unknown);
  // A length of a string, bytes or records: -1 for null. Checked against the rest of the frame.
  int64_t ByteLength(bool flexible, bool short_length, bool allow_null);
  int64_t ArrayLength(bool flexible, size_t min_element_bytes, bool allow_null);
  std::string TakeString(int64_t length);
  Buffer TakeSlice(int64_t length);
  void FailTruncated(size_t wanted);

  bool ok_ = true;
  absl::Status status_;
  Buffer frame_;
  const uint8_t* cursor_;
  const uint8_t* end_;
};

// The error of a generated Decode that is asked for a version the message does not have.
absl::Status UnknownVersion(std::string_view message, int16_t version);

}  // namespace soliton::kafka

#include "protocol/wire/decoder.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::kafka {

Decoder::Decoder(Buffer frame)
    : frame_(std::move(frame)), cursor_(frame_.data()), end_(cursor_ + frame_.size()) {}

void Decoder::Fail(std::string_view what) {
  if (ok_) {
    ok_ = false;
    status_ = absl::InvalidArgumentError(
        fmt::format("{} at byte {} of {}", what, position(), frame_.size()));
  }
  cursor_ = end_;
}

void Decoder::FailTruncated(size_t wanted) {
  Fail(fmt::format("{} bytes expected, {} left", wanted, remaining()));
}

uint32_t Decoder::LongVarint() {
  uint32_t value = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const uint8_t byte = Fixed<uint8_t>();
    if (shift == 28 && byte > 0x0F) break;
    value |= static_cast<uint32_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  Fail("varint longer than 32 bits");
  return 0;
}

int64_t Decoder::ByteLength(bool flexible, bool short_length, bool allow_null) {
  const int64_t length = flexible       ? static_cast<int64_t>(UnsignedVarint()) - 1
                         : short_length ? Int16()
                                        : Int32();
  if (!ok_) return 0;
  if (length == -1 && allow_null) return -1;
  if (length < 0) {
    Fail(length == -1 ? "null where the version allows none" : "negative length");
    return 0;
  }
  if (static_cast<uint64_t>(length) > remaining()) {
    FailTruncated(static_cast<size_t>(length));
    return 0;
  }
  return length;
}

int64_t Decoder::ArrayLength(bool flexible, size_t min_element_bytes, bool allow_null) {
  const int64_t count = flexible ? static_cast<int64_t>(UnsignedVarint()) - 1 : Int32();
  if (!ok_) return 0;
  if (count == -1 && allow_null) return -1;
  if (count < 0) {
    Fail(count == -1 ? "null array where the version allows none" : "negative array length");
    return 0;
  }
  if (static_cast<uint64_t>(count) > remaining() / min_element_bytes) {
    Fail(fmt::format("array of {} elements, {} bytes left", count, remaining()));
    return 0;
  }
  return count;
}

std::string Decoder::TakeString(int64_t length) {
  std::string value(reinterpret_cast<const char*>(cursor_), static_cast<size_t>(length));
  cursor_ += length;
  return value;
}

Buffer Decoder::TakeSlice(int64_t length) {
  if (length == 0) return Buffer();
  Buffer slice = frame_.Slice(position(), static_cast<size_t>(length));
  cursor_ += length;
  return slice;
}

std::string Decoder::String(bool flexible) {
  return TakeString(ByteLength(flexible, /*short_length=*/true, /*allow_null=*/false));
}

std::optional<std::string> Decoder::NullableString(bool flexible, bool allow_null) {
  const int64_t length = ByteLength(flexible, /*short_length=*/true, allow_null);
  if (length < 0) return std::nullopt;
  return TakeString(length);
}

Buffer Decoder::Bytes(bool flexible) {
  return TakeSlice(ByteLength(flexible, /*short_length=*/false, /*allow_null=*/false));
}

std::optional<Buffer> Decoder::NullableBytes(bool flexible, bool allow_null) {
  const int64_t length = ByteLength(flexible, /*short_length=*/false, allow_null);
  if (length < 0) return std::nullopt;
  return TakeSlice(length);
}

Records Decoder::RecordsField(bool flexible, bool allow_null) {
  const int64_t length = ByteLength(flexible, /*short_length=*/false, allow_null);
  if (length < 0) return Records();
  return Records(TakeSlice(length));
}

void Decoder::FailTagCount(uint32_t count) {
  Fail(fmt::format("{} tagged fields, {} bytes left", count, remaining()));
}

Decoder::Tag Decoder::BeginTag() {
  Tag tag;
  tag.tag = UnsignedVarint();
  const uint32_t size = UnsignedVarint();
  if (size > remaining()) FailTruncated(size);
  tag.outer_end = end_;
  if (ok_) end_ = cursor_ + size;
  return tag;
}

void Decoder::EndTag(const Tag& tag) {
  if (ok_ && cursor_ != end_) {
    Fail(fmt::format("tagged field {} has {} bytes too many", tag.tag, remaining()));
  }
  end_ = tag.outer_end;
  if (!ok_) cursor_ = end_;
}

void Decoder::UnknownTag(const Tag& tag, std::vector<UnknownTaggedField>& unknown) {
  if (ok_) unknown.push_back({tag.tag, TakeSlice(static_cast<int64_t>(remaining()))});
  EndTag(tag);
}

void Decoder::SortTags(std::vector<UnknownTaggedField>& unknown) {
  std::sort(unknown.begin(), unknown.end(),
            [](const auto& a, const auto& b) { return a.tag < b.tag; });
  const auto twice = std::adjacent_find(
      unknown.begin(), unknown.end(), [](const auto& a, const auto& b) { return a.tag == b.tag; });
  if (twice != unknown.end()) Fail(fmt::format("tagged field {} twice", twice->tag));
}

absl::Status UnknownVersion(std::string_view message, int16_t version) {
  return absl::InvalidArgumentError(fmt::format("{} has no version {}", message, version));
}

}  // namespace soliton::kafka

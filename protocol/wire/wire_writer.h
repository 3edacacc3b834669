// The rules by which values become bytes, shared by the Encoder, which writes them, and the
// SizeCounter, which only counts: so a computed size cannot differ from the written bytes. Derived
// supplies
//   template <class T> void Fixed(T value);       one big-endian integer
//   void Raw(std::span<const uint8_t> bytes);     bytes to copy
//   void External(const BufferChain& chain);      bytes that need not be copied
// `flexible` everywhere: the message version uses compact lengths (unsigned varint of n + 1, 0 =
// null).
//
// A null where the version does not allow one is written as empty. A string above 32767 bytes has
// no non-flexible form: it is cut at a character's start, so that a long message for people (an
// error text, a setting's value) never makes a frame unreadable.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/wire/error_code.h"
#include "protocol/wire/records.h"
#include "protocol/wire/tagged_field.h"
#include "runtime/base/buffer.h"
#include "runtime/base/uuid.h"

namespace soliton::kafka {

template <class Derived>
class WireWriter {
 public:
  void Bool(bool value) { self().Fixed(static_cast<int8_t>(value ? 1 : 0)); }
  void Int8(int8_t value) { self().Fixed(value); }
  void Int16(int16_t value) { self().Fixed(value); }
  void Uint16(uint16_t value) { self().Fixed(value); }
  void Int32(int32_t value) { self().Fixed(value); }
  void Uint32(uint32_t value) { self().Fixed(value); }
  void Int64(int64_t value) { self().Fixed(value); }
  void Error(ErrorCode value) { self().Fixed(static_cast<int16_t>(value)); }
  void Float64(double value) { self().Fixed(std::bit_cast<int64_t>(value)); }
  void Uuid(const soliton::Uuid& value) {
    self().Fixed(value.high);
    self().Fixed(value.low);
  }

  void UnsignedVarint(uint32_t value) {
    while (value >= 0x80) {
      self().Fixed(static_cast<uint8_t>(value | 0x80));
      value >>= 7;
    }
    self().Fixed(static_cast<uint8_t>(value));
  }

  void String(std::string_view value, bool flexible) {
    if (!flexible) value = FitShortLength(value);
    ShortLength(value.size(), flexible);
    self().Raw({reinterpret_cast<const uint8_t*>(value.data()), value.size()});
  }
  void NullableString(const std::optional<std::string>& value, bool flexible, bool allow_null) {
    if (!value && allow_null) return NullShortLength(flexible);
    String(value ? std::string_view(*value) : std::string_view(), flexible);
  }

  void Bytes(const Buffer& value, bool flexible) {
    Length(value.size(), flexible);
    self().Raw(value.span());
  }
  void NullableBytes(const std::optional<Buffer>& value, bool flexible, bool allow_null) {
    if (!value && allow_null) return NullLength(flexible);
    Bytes(value ? *value : Buffer(), flexible);
  }

  void RecordsField(const Records& value, bool flexible, bool allow_null) {
    if (value.is_null() && allow_null) return NullLength(flexible);
    Length(static_cast<size_t>(value.size_bytes()), flexible);
    self().External(value.chain());
  }

  // Values: std::vector or absl::InlinedVector.
  template <class Values, class WriteElement>
  void Array(const Values& values, bool flexible, WriteElement write) {
    Length(values.size(), flexible);
    for (const auto& value : values) write(value);
  }
  template <class Values, class WriteElement>
  void NullableArray(const std::optional<Values>& values, bool flexible, bool allow_null,
                     WriteElement write) {
    if (values) return Array(*values, flexible, write);
    if (allow_null) return NullLength(flexible);
    Length(0, flexible);
  }

  // A nullable struct has a marker byte before it, in every version.
  template <class Struct>
  void NullableStruct(const std::optional<Struct>& value, int16_t version) {
    Int8(value ? 1 : -1);
    if (value) value->Write(self(), version);
  }

  // Writes the fields of `unknown` from `*next` on whose tag is below `tag`; moves `*next` behind
  // them.
  void UnknownTagsBelow(uint64_t tag, const std::vector<UnknownTaggedField>& unknown,
                        size_t* next) {
    for (; *next < unknown.size() && unknown[*next].tag < tag; ++*next) {
      UnsignedVarint(unknown[*next].tag);
      UnsignedVarint(static_cast<uint32_t>(unknown[*next].data.size()));
      self().Raw(unknown[*next].data.span());
    }
  }
  static constexpr uint64_t kAfterAllTags = uint64_t{1} << 32;

 private:
  static constexpr size_t kMaxShortLength = 32767;

  Derived& self() { return static_cast<Derived&>(*this); }

  static std::string_view FitShortLength(std::string_view value) {
    if (value.size() <= kMaxShortLength) return value;
    size_t end = kMaxShortLength;
    // 10xxxxxx continues a UTF-8 character; one has at most 4 bytes, so stop there on other
    // encodings.
    for (int i = 0; i < 3 && (static_cast<uint8_t>(value[end]) & 0xC0) == 0x80; ++i) --end;
    return value.substr(0, end);
  }

  void ShortLength(size_t length, bool flexible) {
    if (flexible) return UnsignedVarint(static_cast<uint32_t>(length + 1));
    Int16(static_cast<int16_t>(length));
  }
  void Length(size_t length, bool flexible) {
    if (flexible) return UnsignedVarint(static_cast<uint32_t>(length + 1));
    Int32(static_cast<int32_t>(length));
  }
  void NullShortLength(bool flexible) {
    if (flexible) return UnsignedVarint(0);
    Int16(-1);
  }
  void NullLength(bool flexible) {
    if (flexible) return UnsignedVarint(0);
    Int32(-1);
  }
};

}  // namespace soliton::kafka

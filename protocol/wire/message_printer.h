// Builds the one-line text of a message for logs: Name{field=value, list=[{...}, {...}]}. Bytes and
// records show as sizes. Used by generated code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"

#include "protocol/wire/error_code.h"
#include "protocol/wire/records.h"
#include "protocol/wire/tagged_field.h"
#include "runtime/base/buffer.h"
#include "runtime/base/uuid.h"

namespace soliton::kafka {

class MessagePrinter {
 public:
  void Begin();
  void End();
  template <class T>
  void Field(std::string_view name, const T& value) {
    FieldName(name);
    Value(value);
  }
  // Nothing when empty.
  void UnknownTags(const std::vector<UnknownTaggedField>& unknown);
  std::string Take() { return std::move(text_); }

 private:
  void FieldName(std::string_view name);
  void Value(bool value);
  void Value(int64_t value);
  void Value(int8_t value) { Value(int64_t{value}); }
  void Value(int16_t value) { Value(int64_t{value}); }
  void Value(uint16_t value) { Value(int64_t{value}); }
  void Value(int32_t value) { Value(int64_t{value}); }
  void Value(uint32_t value) { Value(int64_t{value}); }
  void Value(double value);
  void Value(ErrorCode value);
  void Value(const Uuid& value);
  void Value(const std::string& value);  // quoted, control characters escaped
  void Value(const Buffer& value);
  void Value(const Records& value);
  template <class T>
  void Value(const std::optional<T>& value) {
    if (value) {
      Value(*value);
    } else {
      text_ += "null";
    }
  }
  template <class T>
  void Value(const std::vector<T>& values) {
    Elements(std::span<const T>(values));
  }
  template <class T, size_t N>
  void Value(const absl::InlinedVector<T, N>& values) {
    Elements(std::span<const T>(values.data(), values.size()));
  }
  template <class T>
  void Elements(std::span<const T> values) {
    text_ += '[';
    for (const T& value : values) {
      if (&value != values.data()) text_ += ", ";
      Value(value);
    }
    text_ += ']';
  }
  template <class Struct>
    requires requires(const Struct& s, MessagePrinter& p) { s.Print(p); }
  void Value(const Struct& value) {
    value.Print(*this);
  }

  std::string text_;
  bool first_field_ = true;
};

}  // namespace soliton::kafka

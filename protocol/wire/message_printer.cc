#include "protocol/wire/message_printer.h"

#include <fmt/format.h>

namespace soliton::kafka {

void MessagePrinter::Begin() {
  text_ += '{';
  first_field_ = true;
}

void MessagePrinter::End() {
  text_ += '}';
  first_field_ = false;
}

void MessagePrinter::FieldName(std::string_view name) {
  if (!first_field_) text_ += ", ";
  first_field_ = false;
  text_ += name;
  text_ += '=';
}

void MessagePrinter::UnknownTags(const std::vector<UnknownTaggedField>& unknown) {
  for (const UnknownTaggedField& field : unknown) {
    Field(fmt::format("tag{}", field.tag), field.data);
  }
}

void MessagePrinter::Value(bool value) { text_ += value ? "true" : "false"; }
void MessagePrinter::Value(int64_t value) {
  fmt::format_to(std::back_inserter(text_), "{}", value);
}
void MessagePrinter::Value(double value) { fmt::format_to(std::back_inserter(text_), "{}", value); }
void MessagePrinter::Value(ErrorCode value) { text_ += ErrorName(value); }
void MessagePrinter::Value(const Uuid& value) { text_ += value.ToString(); }

void MessagePrinter::Value(const std::string& value) {
  text_ += '"';
  for (const char c : value) {
    const uint8_t byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') text_ += '\\';
    if (byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(text_), "\\x{:02x}", byte);
    } else {
      text_ += c;
    }
  }
  text_ += '"';
}

void MessagePrinter::Value(const Buffer& value) {
  fmt::format_to(std::back_inserter(text_), "{}B", value.size());
}

void MessagePrinter::Value(const Records& value) {
  if (value.is_null()) {
    text_ += "null";
  } else {
    fmt::format_to(std::back_inserter(text_), "{}B", value.size_bytes());
  }
}

}  // namespace soliton::kafka

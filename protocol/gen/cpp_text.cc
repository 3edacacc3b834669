#include "protocol/gen/cpp_text.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace soliton::kafkagen {

std::string CppElementType(const Field& field) {
  switch (field.kind) {
    case Kind::kBool:
      return "bool";
    case Kind::kInt8:
      return "int8_t";
    case Kind::kInt16:
      return "int16_t";
    case Kind::kUint16:
      return "uint16_t";
    case Kind::kInt32:
      return "int32_t";
    case Kind::kUint32:
      return "uint32_t";
    case Kind::kInt64:
      return "int64_t";
    case Kind::kFloat64:
      return "double";
    case Kind::kString:
      return "std::string";
    case Kind::kUuid:
      return "Uuid";
    case Kind::kBytes:
      return "Buffer";
    case Kind::kRecords:
      return "Records";
    case Kind::kError:
      return "ErrorCode";
    case Kind::kStruct:
      return field.type->cpp_name;
  }
  return "";
}

std::string CppType(const Field& field) {
  std::string type = CppElementType(field);
  if (field.is_mostly_one) {
    type = "absl::InlinedVector<" + type + ", 1>";
  } else if (field.is_array) {
    type = "std::vector<" + type + ">";
  }
  // Records know null themselves.
  if (field.is_nullable() && (field.is_array || field.kind != Kind::kRecords)) {
    type = "std::optional<" + type + ">";
  }
  return type;
}

std::string CppInitializer(const Field& field) {
  if (field.default_is_null) return "";
  if (field.is_array) return field.is_nullable() ? "{std::in_place}" : "";
  switch (field.kind) {
    case Kind::kString:
      if (!field.default_text.empty()) return " = \"" + field.default_text + "\"";
      return field.is_nullable() ? "{std::in_place}" : "";
    case Kind::kBytes:
    case Kind::kStruct:
      return field.is_nullable() ? "{std::in_place}" : "";
    case Kind::kRecords:
      return field.is_nullable() ? "" : " = Records::Empty()";
    case Kind::kUuid:
      return "";
    case Kind::kError:
      return " = ErrorCode::NONE";
    case Kind::kBool:
      return field.default_text.empty() ? " = false" : " = " + field.default_text;
    default:
      return field.default_text.empty() ? " = 0" : " = " + field.default_text;
  }
}

std::string VersionCondition(const VersionRange& range, const VersionRange& within) {
  if (range.Contains(within)) return "";
  const std::string low = "version >= " + std::to_string(range.low);
  const std::string high = "version <= " + std::to_string(range.high);
  if (range.low <= within.low) return high;
  if (range.high >= within.high) return low;
  if (range.low == range.high) return "version == " + std::to_string(range.low);
  return low + " && " + high;
}

std::string VersionExpression(const VersionRange& range, const VersionRange& within) {
  if (range.empty()) return "false";
  const std::string condition = VersionCondition(range, within);
  return condition.empty() ? "true" : condition;
}

std::string NotDefaultExpression(const Field& field, const std::string& value) {
  if (field.default_is_null) return value + ".has_value()";
  if (field.is_array) {
    return field.is_nullable() ? "(!" + value + " || !" + value + "->empty())"
                               : "!" + value + ".empty()";
  }
  switch (field.kind) {
    case Kind::kString:
      if (!field.default_text.empty()) return value + " != \"" + field.default_text + "\"";
      [[fallthrough]];
    case Kind::kBytes:
      return field.is_nullable() ? "(!" + value + " || !" + value + "->empty())"
                                 : "!" + value + ".empty()";
    case Kind::kRecords:
      return field.is_nullable() ? "!" + value + ".is_null()"
                                 : "(" + value + ".is_null() || " + value + ".size_bytes() != 0)";
    case Kind::kUuid:
      return "!" + value + ".is_zero()";
    case Kind::kError:
      return value + " != ErrorCode::NONE";
    case Kind::kStruct:
      return "!(" + value + " == " + CppType(field) + CppInitializer(field) +
             (field.is_nullable() ? ")" : "{})");
    case Kind::kBool:
      return field.default_text == "true" ? "!" + value : value;
    default:
      return value + " != " + (field.default_text.empty() ? "0" : field.default_text);
  }
}

std::string CamelCase(const std::string& snake_case) {
  std::string result;
  bool upper = false;
  for (const char c : snake_case) {
    if (c == '_') {
      upper = true;
    } else {
      result += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      upper = false;
    }
  }
  return result;
}

std::string KindMethod(Kind kind) {
  switch (kind) {
    case Kind::kBool:
      return "Bool";
    case Kind::kInt8:
      return "Int8";
    case Kind::kInt16:
      return "Int16";
    case Kind::kUint16:
      return "Uint16";
    case Kind::kInt32:
      return "Int32";
    case Kind::kUint32:
      return "Uint32";
    case Kind::kInt64:
      return "Int64";
    case Kind::kFloat64:
      return "Float64";
    case Kind::kString:
      return "String";
    case Kind::kUuid:
      return "Uuid";
    case Kind::kBytes:
      return "Bytes";
    case Kind::kRecords:
      return "RecordsField";
    case Kind::kError:
      return "Error";
    case Kind::kStruct:
      return "Struct";
  }
  return "";
}

bool TakesFlexible(Kind kind) {
  return kind == Kind::kString || kind == Kind::kBytes || kind == Kind::kRecords;
}

namespace {

size_t MinStructBytes(const Struct& type, int version, int flexible_from);

size_t MinValueBytes(const Field& field, int version, int flexible_from, bool as_element) {
  const bool flexible = version >= flexible_from;
  if (field.is_array && !as_element) return flexible ? 1 : 4;
  switch (field.kind) {
    case Kind::kBool:
    case Kind::kInt8:
      return 1;
    case Kind::kInt16:
    case Kind::kUint16:
    case Kind::kError:
      return 2;
    case Kind::kInt32:
    case Kind::kUint32:
      return 4;
    case Kind::kInt64:
    case Kind::kFloat64:
      return 8;
    case Kind::kUuid:
      return 16;
    case Kind::kString:
      return flexible ? 1 : 2;
    case Kind::kBytes:
    case Kind::kRecords:
      return flexible ? 1 : 4;
    case Kind::kStruct:
      if (field.is_nullable() && !field.is_array) return 1;
      return MinStructBytes(*field.type, version, flexible_from);
  }
  return 1;
}

size_t MinStructBytes(const Struct& type, int version, int flexible_from) {
  size_t bytes = version >= flexible_from ? 1 : 0;
  for (const Field& field : type.fields) {
    if (field.tag || version < field.versions.low || version > field.versions.high) continue;
    bytes += MinValueBytes(field, version, flexible_from, /*as_element=*/false);
  }
  return bytes;
}

}  // namespace

size_t MinElementBytes(const Field& field, int flexible_from) {
  size_t least = SIZE_MAX;
  for (int version = field.versions.low; version <= field.versions.high; ++version) {
    least = std::min(least, MinValueBytes(field, version, flexible_from, /*as_element=*/true));
  }
  return std::max<size_t>(least, 1);
}

std::string Comment(const std::string& text, const std::string& indent) {
  std::string result;
  std::string line = indent + "//";
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (line.size() + 1 + word.size() > 100) {
      result += line + "\n";
      line = indent + "//";
    }
    line += " " + word;
  }
  return result + line + "\n";
}

}  // namespace soliton::kafkagen

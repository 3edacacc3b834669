#include <string>

#include "protocol/gen/cpp_text.h"
#include "protocol/gen/emit.h"

namespace soliton::kafkagen {
namespace {

std::string VersionsText(const VersionRange& range, const VersionRange& within) {
  if (range.high == within.high) return "versions " + std::to_string(range.low) + "+";
  if (range.low == range.high) return "version " + std::to_string(range.low);
  return "versions " + std::to_string(range.low) + "-" + std::to_string(range.high);
}

std::string FieldComment(const Field& field, const Struct& owner) {
  std::string notes;
  if (!(field.versions == owner.versions)) notes = VersionsText(field.versions, owner.versions);
  if (field.tag) notes += (notes.empty() ? "tag " : ", tag ") + std::to_string(*field.tag);
  std::string text = field.about;
  if (!notes.empty()) text += (text.empty() ? "(" : " (") + notes + ")";
  return text.empty() ? "" : Comment(text, "  ");
}

// Fields and the members that every struct has.
std::string Members(const Struct& type, const Message& message) {
  std::string out;
  for (const Field& field : type.fields) {
    out += FieldComment(field, type);
    out += "  " + CppType(field) + " " + field.name + CppInitializer(field) + ";\n";
  }
  if (message.flexible_from != kNeverFlexible) {
    out += "  std::vector<UnknownTaggedField> unknown_tagged_fields;\n";
  }
  const std::string name = type.cpp_name;
  out += "\n  void DecodeFrom(Decoder& in, int16_t version);\n";
  out += "  template <class Sink>\n  void Write(Sink& out, int16_t version) const;\n";
  out += "  void Print(MessagePrinter& out) const;\n";
  out += "  std::string ToString() const;\n";
  out += "  static " + name + " RandomInstance(Random& random, int16_t version);\n";
  out += "  void ReadJson(JsonReader& in);\n";
  out += "  friend bool operator==(const " + name + "&, const " + name + "&) = default;\n";
  return out;
}

std::string EmitStruct(const Struct& type, const Message& message) {
  return "struct " + type.cpp_name + " {\n" + Members(type, message) + "};\n\n";
}

std::string EmitMessage(const Message& message, const Schema& schema) {
  const Struct& root = *message.root;
  std::string out;
  for (const auto& type : message.nested) out += EmitStruct(*type, message);
  out += Comment(message.about, "");
  out += "struct " + root.cpp_name + " {\n";
  const auto constant = [&](const char* name, int value) {
    out +=
        std::string("  static constexpr int16_t ") + name + " = " + std::to_string(value) + ";\n";
  };
  if (schema.kind == SchemaKind::kApi) constant("kApiKey", schema.key);
  if (schema.kind == SchemaKind::kRecord) constant("kRecordType", schema.key);
  constant("kMinVersion", message.versions.low);
  constant("kMaxVersion", message.versions.high);
  constant("kFirstFlexibleVersion", message.flexible_from);
  out += "  static constexpr char kName[] = \"" + root.name + "\";\n\n";
  for (const auto& type : message.nested) {
    out += "  using " + type->name + " = " + type->cpp_name + ";\n";
  }
  if (!message.nested.empty()) out += "\n";
  out += "  // Fails when `version` is not one of the message's or the bytes are malformed.\n";
  out += "  static absl::StatusOr<" + root.cpp_name + "> Decode(Decoder& in, int16_t version);\n";
  out += "  // A field that `version` does not have is left out.\n";
  out += "  void Encode(Encoder& out, int16_t version) const;\n";
  out += "  // What Encode writes, records included.\n";
  out += "  size_t EncodedSize(int16_t version) const;\n\n";
  return out + Members(root, message) + "};\n\n";
}

}  // namespace

std::string EmitHeader(const Schema& schema) {
  std::string out = kGeneratedBy;
  out += R"(#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "protocol/wire/error_code.h"
#include "protocol/wire/records.h"
#include "protocol/wire/tagged_field.h"
#include "runtime/base/buffer.h"
#include "runtime/base/uuid.h"

namespace soliton {
class Random;
}

namespace soliton::kafka {

class Decoder;
class Encoder;
class JsonReader;
class MessagePrinter;

// Of every struct: Write has Encoder or SizeCounter as its Sink. RandomInstance and ReadJson are
// for tests and defined in soliton_protocol_testing. Fields outside of a version keep their default
// when it is decoded.

)";
  for (const Message& message : schema.messages) out += EmitMessage(message, schema);
  return out + "}  // namespace soliton::kafka\n";
}

}  // namespace soliton::kafkagen

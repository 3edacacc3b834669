#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "protocol/gen/cpp_text.h"
#include "protocol/gen/emit.h"

namespace soliton::kafkagen {
namespace {

std::string FlexibleLine(const Struct& type, const Message& message) {
  const bool always = type.versions.low >= message.flexible_from;
  const bool never = type.versions.high < message.flexible_from;
  if (always || never) {
    return std::string("  [[maybe_unused]] constexpr bool flexible = ") +
           (always ? "true" : "false") + ";\n";
  }
  return "  [[maybe_unused]] const bool flexible = version >= " +
         std::to_string(message.flexible_from) + ";\n";
}

// Whether some version of `type` has tagged fields, and the line that opens their block.
bool HasTagBlock(const Struct& type, const Message& message) {
  return type.versions.high >= message.flexible_from;
}

std::vector<const Field*> TaggedFields(const Struct& type) {
  std::vector<const Field*> tagged;
  for (const Field& field : type.fields) {
    if (field.tag) tagged.push_back(&field);
  }
  std::sort(tagged.begin(), tagged.end(),
            [](const Field* a, const Field* b) { return *a->tag < *b->tag; });
  return tagged;
}

std::string Guarded(const Field& field, const Struct& owner, const std::string& statement) {
  const std::string condition = VersionCondition(field.versions, owner.versions);
  if (condition.empty()) return "  " + statement + "\n";
  return "  if (" + condition + ") " + statement + "\n";
}

std::string AllowNull(const Field& field) {
  return VersionExpression(field.nullable, field.versions);
}

// A statement that writes `field` to `sink`.
std::string WriteStatement(const Field& field, const std::string& sink) {
  const std::string method = KindMethod(field.kind);
  if (field.is_array) {
    std::string element = field.kind == Kind::kStruct
                              ? "element.Write(" + sink + ", version);"
                              : sink + "." + method + "(element" +
                                    (TakesFlexible(field.kind) ? ", flexible" : "") + ");";
    const std::string lambda = "[&](const auto& element) { " + element + " }";
    if (!field.is_nullable()) return sink + ".Array(" + field.name + ", flexible, " + lambda + ");";
    return sink + ".NullableArray(" + field.name + ", flexible, " + AllowNull(field) + ", " +
           lambda + ");";
  }
  if (field.kind == Kind::kStruct) {
    if (field.is_nullable() && field.tag) {
      // Kafka's own exception: the marker of a tagged struct is an unsigned varint, 0 = null.
      return sink + ".UnsignedVarint(" + field.name + " ? 1 : 0); if (" + field.name + ") " +
             field.name + "->Write(" + sink + ", version);";
    }
    if (field.is_nullable()) return sink + ".NullableStruct(" + field.name + ", version);";
    return field.name + ".Write(" + sink + ", version);";
  }
  if (field.kind == Kind::kRecords) {
    return sink + ".RecordsField(" + field.name + ", flexible, " + AllowNull(field) + ");";
  }
  if (field.is_nullable()) {
    return sink + ".Nullable" + method + "(" + field.name + ", flexible, " + AllowNull(field) +
           ");";
  }
  return sink + "." + method + "(" + field.name + (TakesFlexible(field.kind) ? ", flexible" : "") +
         ");";
}

std::string EmitTagWrites(const Struct& type) {
  const std::vector<const Field*> tagged = TaggedFields(type);
  std::string out;
  if (tagged.empty()) {
    out += "  out.UnsignedVarint(static_cast<uint32_t>(unknown_tagged_fields.size()));\n";
    out += "  size_t next_unknown = 0;\n";
  } else {
    for (const Field* field : tagged) {
      const std::string condition = VersionCondition(field->versions, type.versions);
      out += "  const bool has_" + field->name + " = " +
             (condition.empty() ? "" : condition + " && ") +
             NotDefaultExpression(*field, field->name) + ";\n";
    }
    out += "  size_t tag_count = unknown_tagged_fields.size();\n";
    for (const Field* field : tagged) out += "  tag_count += has_" + field->name + ";\n";
    out += "  out.UnsignedVarint(static_cast<uint32_t>(tag_count));\n";
    out += "  size_t next_unknown = 0;\n";
  }
  for (const Field* field : tagged) {
    const std::string tag = std::to_string(*field->tag);
    out += "  if (has_" + field->name + ") {\n";
    out += "    out.UnknownTagsBelow(" + tag + ", unknown_tagged_fields, &next_unknown);\n";
    out += "    out.TaggedField(" + tag + ", [&](auto& value) { " +
           WriteStatement(*field, "value") + " });\n  }\n";
  }
  out += "  out.UnknownTagsBelow(Sink::kAfterAllTags, unknown_tagged_fields, &next_unknown);\n";
  return out;
}

std::string EmitWrite(const Struct& type, const Message& message) {
  std::string out = "template <class Sink>\nvoid " + type.cpp_name +
                    "::Write(Sink& out, [[maybe_unused]] int16_t version) const {\n";
  out += FlexibleLine(type, message);
  for (const Field& field : type.fields) {
    if (!field.tag) out += Guarded(field, type, WriteStatement(field, "out"));
  }
  if (HasTagBlock(type, message)) {
    if (type.versions.low < message.flexible_from) out += "  if (!flexible) return;\n";
    out += EmitTagWrites(type);
  }
  out += "}\n";
  for (const char* sink : {"Encoder", "SizeCounter"}) {
    out += "template void " + type.cpp_name + "::Write(" + sink + "&, int16_t) const;\n";
  }
  return out + "\n";
}

std::string ReadStatement(const Field& field, int flexible_from) {
  const std::string method = KindMethod(field.kind);
  if (field.is_array) {
    const std::string element =
        field.kind == Kind::kStruct
            ? "element.DecodeFrom(in, version);"
            : "element = in." + method + "(" + (TakesFlexible(field.kind) ? "flexible" : "") + ");";
    const std::string tail = std::to_string(MinElementBytes(field, flexible_from)) +
                             ", [&](auto& element) { " + element + " });";
    if (!field.is_nullable()) return "in.Array(" + field.name + ", flexible, " + tail;
    return "in.NullableArray(" + field.name + ", flexible, " + AllowNull(field) + ", " + tail;
  }
  if (field.kind == Kind::kStruct) {
    if (field.is_nullable() && field.tag) {
      return "if (in.UnsignedVarint() == 0) { " + field.name + ".reset(); } else { " + field.name +
             ".emplace().DecodeFrom(in, version); }";
    }
    if (field.is_nullable()) return "in.NullableStruct(" + field.name + ", version);";
    return field.name + ".DecodeFrom(in, version);";
  }
  if (field.kind == Kind::kRecords || field.is_nullable()) {
    const std::string prefix = field.kind == Kind::kRecords ? "" : "Nullable";
    return field.name + " = in." + prefix + method + "(flexible, " + AllowNull(field) + ");";
  }
  return field.name + " = in." + method + "(" + (TakesFlexible(field.kind) ? "flexible" : "") +
         ");";
}

std::string EmitTagReads(const Struct& type, const Message& message) {
  const std::vector<const Field*> tagged = TaggedFields(type);
  std::string out = "  for (uint32_t left = in.TagCount(); left > 0 && in.ok(); --left) {\n";
  out += "    const Decoder::Tag tag = in.BeginTag();\n";
  const char* separator = "    ";
  for (const Field* field : tagged) {
    const std::string condition = VersionCondition(field->versions, type.versions);
    out += separator + ("if (tag.tag == " + std::to_string(*field->tag)) +
           (condition.empty() ? "" : " && " + condition) + ") {\n";
    out += "      " + ReadStatement(*field, message.flexible_from) + "\n";
    out += "      in.EndTag(tag);\n    }";
    separator = " else ";
  }
  if (tagged.empty()) {
    out += "    in.UnknownTag(tag, unknown_tagged_fields);\n";
  } else {
    out += " else {\n      in.UnknownTag(tag, unknown_tagged_fields);\n    }\n";
  }
  return out + "  }\n  in.FinishTags(unknown_tagged_fields);\n";
}

std::string EmitDecodeFrom(const Struct& type, const Message& message) {
  std::string out =
      "void " + type.cpp_name +
      "::DecodeFrom([[maybe_unused]] Decoder& in, [[maybe_unused]] int16_t version) {\n";
  out += FlexibleLine(type, message);
  for (const Field& field : type.fields) {
    if (!field.tag) out += Guarded(field, type, ReadStatement(field, message.flexible_from));
  }
  if (HasTagBlock(type, message)) {
    if (type.versions.low < message.flexible_from) out += "  if (!flexible) return;\n";
    out += EmitTagReads(type, message);
  }
  return out + "}\n\n";
}

// A field that a schema lets be absent is printed only when it says something.
bool PrintOnlyWhenSet(const Field& field, const Struct& type) {
  return field.tag || field.default_is_null || !field.default_text.empty() ||
         !(field.versions == type.versions);
}

std::string EmitPrint(const Struct& type, const Message& message) {
  std::string out = "void " + type.cpp_name + "::Print(MessagePrinter& out) const {\n";
  out += "  out.Begin();\n";
  for (const Field& field : type.fields) {
    const std::string print = "out.Field(\"" + field.name + "\", " + field.name + ");\n";
    if (PrintOnlyWhenSet(field, type)) {
      out += "  if (" + NotDefaultExpression(field, field.name) + ") " + print;
    } else {
      out += "  " + print;
    }
  }
  if (message.flexible_from != kNeverFlexible) out += "  out.UnknownTags(unknown_tagged_fields);\n";
  out += "  out.End();\n}\n\n";
  out += "std::string " + type.cpp_name + "::ToString() const {\n";
  out +=
      "  MessagePrinter out;\n  Print(out);\n  return \"" + type.name + "\" + out.Take();\n}\n\n";
  return out;
}

std::string EmitMessageMethods(const Message& message) {
  const std::string& name = message.root->cpp_name;
  std::string out = "absl::StatusOr<" + name + "> " + name +
                    "::Decode(Decoder& in, int16_t version) {\n"
                    "  if (version < kMinVersion || version > kMaxVersion) {\n"
                    "    return UnknownVersion(kName, version);\n  }\n";
  out += "  " + name + " message;\n  message.DecodeFrom(in, version);\n";
  out += "  if (!in.ok()) return in.status();\n  return message;\n}\n\n";
  out +=
      "void " + name + "::Encode(Encoder& out, int16_t version) const { Write(out, version); }\n\n";
  out += "size_t " + name +
         "::EncodedSize(int16_t version) const {\n  SizeCounter size;\n  Write(size, version);\n"
         "  return size.total_bytes();\n}\n\n";
  return out;
}

}  // namespace

std::string EmitCodec(const Schema& schema) {
  std::string out = kGeneratedBy;
  out += "#include \"protocol/messages/" + schema.file_name + ".h\"\n";
  out += R"(
#include "protocol/wire/decoder.h"
#include "protocol/wire/encoder.h"
#include "protocol/wire/message_printer.h"
#include "protocol/wire/size_counter.h"

namespace soliton::kafka {

)";
  for (const Message& message : schema.messages) {
    std::vector<std::shared_ptr<Struct>> structs = message.nested;
    structs.push_back(message.root);
    for (const auto& type : structs) {
      out += EmitWrite(*type, message);
      out += EmitDecodeFrom(*type, message);
      out += EmitPrint(*type, message);
    }
    out += EmitMessageMethods(message);
  }
  return out + "}  // namespace soliton::kafka\n";
}

}  // namespace soliton::kafkagen

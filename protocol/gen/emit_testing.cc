#include <string>
#include <vector>

#include "protocol/gen/cpp_text.h"
#include "protocol/gen/emit.h"

namespace soliton::kafkagen {
namespace {

// A statement that fills `instance.<field>` with a random value.
std::string RandomStatement(const Field& field) {
  const std::string target = "instance." + field.name;
  const std::string allow_null = VersionExpression(field.nullable, field.versions);
  const std::string make =
      field.kind == Kind::kStruct
          ? "[&] { return " + field.type->cpp_name + "::RandomInstance(random, version); }"
          : "[&] { return RandomValue<" + CppElementType(field) + ">(random); }";
  if (field.is_array)
    return "RandomArray(random, " + allow_null + ", " + target + ", " + make + ");";
  if (field.kind == Kind::kRecords) {
    return "RandomRecords(random, " + allow_null + ", " + target + ");";
  }
  return "RandomField(random, " + allow_null + ", " + target + ", " + make + ");";
}

std::string EmitRandom(const Struct& type, const Message& message) {
  std::string out = type.cpp_name + " " + type.cpp_name +
                    "::RandomInstance([[maybe_unused]] Random& random, [[maybe_unused]] int16_t "
                    "version) {\n";
  out += "  " + type.cpp_name + " instance;\n";
  for (const Field& field : type.fields) {
    std::string condition = VersionCondition(field.versions, type.versions);
    if (field.tag)
      condition += condition.empty() ? "random.Chance(1, 2)" : " && random.Chance(1, 2)";
    out +=
        "  " + (condition.empty() ? "" : "if (" + condition + ") ") + RandomStatement(field) + "\n";
  }
  if (type.versions.high >= message.flexible_from) {
    out += "  if (version >= kFirstFlexible) RandomTags(random, instance.unknown_tagged_fields);\n";
    const std::string flexible = std::to_string(message.flexible_from);
    out.replace(out.rfind("kFirstFlexible"), 14, flexible);
  }
  return out + "  return instance;\n}\n\n";
}

std::string EmitReadJson(const Struct& type) {
  std::string out = "void " + type.cpp_name + "::ReadJson([[maybe_unused]] JsonReader& in) {\n";
  for (const Field& field : type.fields) {
    out += "  in.Member(\"" + field.json_name + "\", " + field.name + ");\n";
  }
  return out + "}\n\n";
}

}  // namespace

std::string EmitTesting(const Schema& schema) {
  std::string out = kGeneratedBy;
  out += "#include \"protocol/messages/" + schema.file_name + ".h\"\n";
  out += R"(#include "protocol/testing/json_reader.h"
#include "protocol/testing/random_value.h"

namespace soliton::kafka {

)";
  for (const Message& message : schema.messages) {
    std::vector<std::shared_ptr<Struct>> structs = message.nested;
    structs.push_back(message.root);
    for (const auto& type : structs) out += EmitRandom(*type, message) + EmitReadJson(*type);
  }
  return out + "}  // namespace soliton::kafka\n";
}

}  // namespace soliton::kafkagen

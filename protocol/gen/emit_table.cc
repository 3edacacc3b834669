#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "protocol/gen/cpp_text.h"
#include "protocol/gen/emit.h"

namespace soliton::kafkagen {
namespace {

// Drops the schemas that `keep` refuses and sorts the others by key, then by name.
template <class Keep>
void KeepSorted(std::vector<Schema>& schemas, Keep keep) {
  std::erase_if(schemas, [&](const Schema& schema) { return !keep(schema); });
  std::sort(schemas.begin(), schemas.end(), [](const Schema& a, const Schema& b) {
    return std::tie(a.key, a.name) < std::tie(b.key, b.name);
  });
}

std::string EmitVisitor(const std::vector<Schema>& schemas, const std::string& about,
                        const std::string& function, const std::string& order) {
  std::string out = kGeneratedBy;
  out += about + "#pragma once\n\n";
  for (const Schema& schema : schemas) {
    out += "#include \"protocol/messages/" + schema.file_name + ".h\"\n";
  }
  out += "\nnamespace soliton::kafka {\n\n";
  out += "// Calls visitor.template operator()<Message>() for each " + order + ".\n";
  out += "template <class Visitor>\nvoid " + function + "(Visitor&& visitor) {\n";
  for (const Schema& schema : schemas) {
    for (const Message& message : schema.messages) {
      out += "  visitor.template operator()<" + message.root->cpp_name + ">();\n";
    }
  }
  return out + "}\n\n}  // namespace soliton::kafka\n";
}

}  // namespace

std::string EmitApiTable(std::vector<Schema> schemas) {
  KeepSorted(schemas, [](const Schema& schema) { return schema.kind == SchemaKind::kApi; });
  std::string out = kGeneratedBy;
  out += "// SOLITON_API(key, name, min_version, max_version, first_flexible_version)\n";
  for (const Schema& schema : schemas) {
    const Message& request = schema.messages.front();
    out += "SOLITON_API(" + std::to_string(schema.key) + ", " + schema.name + ", " +
           std::to_string(request.versions.low) + ", " + std::to_string(request.versions.high) +
           ", " + std::to_string(request.flexible_from) + ")\n";
  }
  return out;
}

std::string EmitAllMessages(std::vector<Schema> schemas) {
  KeepSorted(schemas, [](const Schema& schema) { return schema.kind == SchemaKind::kApi; });
  return EmitVisitor(
      schemas,
      "// Every message, for tests and tools. Use the header of one API everywhere else.\n",
      "ForEachMessage", "request and response, ascending by key");
}

std::string EmitAllData(std::vector<Schema> schemas) {
  KeepSorted(schemas, [](const Schema& schema) { return schema.kind != SchemaKind::kApi; });
  return EmitVisitor(schemas,
                     "// Every record of an internal topic and all other data, for tests.\n",
                     "ForEachData", "of them");
}

}  // namespace soliton::kafkagen

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/gen/cpp_text.h"
#include "protocol/gen/emit.h"

namespace soliton::kafkagen {
namespace {

void SortByKey(std::vector<Schema>& schemas) {
  std::sort(schemas.begin(), schemas.end(),
            [](const Schema& a, const Schema& b) { return a.key < b.key; });
}

}  // namespace

std::string EmitApiTable(std::vector<Schema> schemas) {
  SortByKey(schemas);
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
  SortByKey(schemas);
  std::string out = kGeneratedBy;
  out += "// Every message, for tests and tools. Use the header of one API everywhere else.\n";
  out += "#pragma once\n\n";
  for (const Schema& schema : schemas) {
    out += "#include \"protocol/messages/" + schema.file_name + ".h\"\n";
  }
  out += R"(
namespace soliton::kafka {

// Calls visitor.template operator()<Message>() for each request and response, ascending by key.
template <class Visitor>
void ForEachMessage(Visitor&& visitor) {
)";
  for (const Schema& schema : schemas) {
    for (const Message& message : schema.messages) {
      out += "  visitor.template operator()<" + message.root->cpp_name + ">();\n";
    }
  }
  return out + "}\n\n}  // namespace soliton::kafka\n";
}

}  // namespace soliton::kafkagen

// kafkagen message SCHEMA.json OUT_DIR   writes OUT_DIR/<name>.{h,cc} and <name>_testing.cc
// kafkagen table OUT_DIR SCHEMA.json...  writes OUT_DIR/{api_table.inc,all_messages.h,all_data.h}
// A file that would not change is left alone, so that a change of one schema rebuilds only its
// users.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "protocol/gen/emit.h"
#include "protocol/gen/schema.h"

namespace soliton::kafkagen {
namespace {

bool WriteIfChanged(const std::filesystem::path& path, const std::string& text) {
  {
    std::ifstream old(path, std::ios::binary);
    std::stringstream content;
    content << old.rdbuf();
    if (old && content.str() == text) return true;
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.flush();
  if (!file) std::fprintf(stderr, "kafkagen: cannot write %s\n", path.c_str());
  return static_cast<bool>(file);
}

bool GenerateMessage(const std::string& schema_path, const std::filesystem::path& out) {
  const Schema schema = LoadSchema(schema_path);
  return WriteIfChanged(out / (schema.file_name + ".h"), EmitHeader(schema)) &&
         WriteIfChanged(out / (schema.file_name + ".cc"), EmitCodec(schema)) &&
         WriteIfChanged(out / (schema.file_name + "_testing.cc"), EmitTesting(schema));
}

bool GenerateTable(const std::filesystem::path& out, const std::vector<std::string>& paths) {
  std::vector<Schema> schemas;
  for (const std::string& path : paths) schemas.push_back(LoadSchema(path));
  return WriteIfChanged(out / "api_table.inc", EmitApiTable(schemas)) &&
         WriteIfChanged(out / "all_messages.h", EmitAllMessages(schemas)) &&
         WriteIfChanged(out / "all_data.h", EmitAllData(schemas));
}

int Main(const std::vector<std::string>& args) {
  if (args.size() == 3 && args[0] == "message") return GenerateMessage(args[1], args[2]) ? 0 : 1;
  if (args.size() >= 3 && args[0] == "table") {
    return GenerateTable(args[1], {args.begin() + 2, args.end()}) ? 0 : 1;
  }
  std::fprintf(stderr,
               "usage: kafkagen message SCHEMA OUT_DIR | kafkagen table OUT_DIR SCHEMA...\n");
  return 2;
}

}  // namespace
}  // namespace soliton::kafkagen

int main(int argc, char** argv) {
  return soliton::kafkagen::Main(std::vector<std::string>(argv + 1, argv + argc));
}

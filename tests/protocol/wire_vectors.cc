#include "tests/protocol/wire_vectors.h"

#include <fmt/format.h>
#include <zlib.h>

#include <boost/json.hpp>

#include "absl/strings/escaping.h"
#include "runtime/base/check.h"

namespace soliton::kafka {
namespace {

std::string ReadGzip(const char* path) {
  gzFile file = gzopen(path, "rb");
  CHECK(file != nullptr, "cannot open {}", path);
  std::string text;
  char block[1 << 16];
  for (int got; (got = gzread(file, block, sizeof(block))) != 0;) {
    CHECK(got > 0, "{} is damaged", path);
    text.append(block, static_cast<size_t>(got));
  }
  gzclose(file);
  return text;
}

std::string Text(const boost::json::object& line, const char* name) {
  const boost::json::string& text = line.at(name).as_string();
  return std::string(text.data(), text.size());
}

}  // namespace

std::string WireVector::Title() const { return fmt::format("{} v{} {}", name, version, instance); }

void ForEachWireVector(const std::function<void(const WireVector&)>& use) {
  const std::string text = ReadGzip(SOLITON_SOURCE_DIR "/tests/testdata/wire-vectors.jsonl.gz");
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    CHECK(end != std::string::npos);
    const boost::json::value root = boost::json::parse(text.substr(begin, end - begin));
    const boost::json::object& line = root.as_object();
    WireVector vector;
    vector.kind = Text(line, "kind");
    vector.name = Text(line, "name");
    vector.instance = Text(line, "inst");
    vector.key = static_cast<int16_t>(line.at("key").as_int64());
    vector.version = static_cast<int16_t>(line.at("ver").as_int64());
    vector.json = line.at("json");
    vector.bytes = Buffer::CopyOf(absl::HexStringToBytes(Text(line, "hex")));
    use(vector);
    begin = end + 1;
  }
}

}  // namespace soliton::kafka

// Stands in for libFuzzer: runs a target over its seeds and over mutations of them, the same ones
// every time. Usage: TARGET CORPUS_FOLDER [MUTATIONS]
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/base/check_context.h"
#include "runtime/base/random.h"
#include "runtime/file/posix_file_system.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace soliton {
namespace {

constexpr uint64_t kDefaultMutations = 20000;
constexpr size_t kMaxPrintedBytes = 8192;

// A failed CHECK prints the input as `xxd -r -p` reads it.
void RunOne(const std::string& input) {
  std::string hex;
  for (const char c : input.substr(0, kMaxPrintedBytes)) {
    hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
  }
  SetCheckContext("input " + hex);
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

std::string Mutate(const std::vector<std::string>& seeds, Random& random) {
  std::string input = seeds[random.Below(seeds.size())];
  for (uint64_t n = 1 + random.Below(4); n > 0; --n) {
    const size_t at = random.Below(input.size() + 1);
    const std::string& other = seeds[random.Below(seeds.size())];
    switch (random.Below(5)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(random.Next());
        break;
      case 1:
        if (at < input.size()) input[at] ^= static_cast<char>(1 << random.Below(8));
        break;
      case 2:
        input.resize(at);
        break;
      case 3:
        input.insert(at, other.substr(random.Below(other.size() + 1)));
        break;
      default:
        input.erase(at, random.Below(16));
    }
  }
  return input;
}

int Replay(const std::string& folder, uint64_t mutations) {
  PosixFileSystem fs;
  const auto entries = fs.List(folder);
  if (!entries.ok()) {
    fmt::print(stderr, "{}: {}\n", folder, std::string(entries.status().message()));
    return 1;
  }
  std::vector<std::string> seeds;
  for (const DirectoryEntry& entry : *entries) {
    auto content = ReadFile(fs, JoinPath(folder, entry.name));
    if (content.ok()) seeds.push_back(*std::move(content));
  }
  if (seeds.empty()) {
    fmt::print(stderr, "{} holds no seed\n", folder);
    return 1;
  }
  RunOne("");
  for (const std::string& seed : seeds) RunOne(seed);
  Random random(1);
  for (uint64_t i = 0; i < mutations; ++i) RunOne(Mutate(seeds, random));
  fmt::print("{} seeds and {} mutations\n", seeds.size(), mutations);
  return 0;
}

}  // namespace
}  // namespace soliton

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: {} CORPUS_FOLDER [MUTATIONS]\n", argv[0]);
    return 2;
  }
  return soliton::Replay(
      argv[1], argc > 2 ? std::strtoull(argv[2], nullptr, 10) : soliton::kDefaultMutations);
}

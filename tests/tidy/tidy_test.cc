// Style and layering as tests. Each failure names the file, the line and what to do instead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <regex>
#include <set>

#include "runtime/file/posix_file_system.h"
#include "tests/tidy/source_tree.h"

namespace soliton::tidy {
namespace {

using testing::IsEmpty;

const std::vector<SourceFile>& Sources() {
  static const std::vector<SourceFile> kSources = LoadSources();
  return kSources;
}

std::string At(const SourceFile& file, const SourceLine& line) {
  return fmt::format("{}:{}", file.path, line.number);
}

// ---- layering ----

// Folder -> folders that it may include besides itself (DESIGN: layout).
const std::map<std::string, std::set<std::string>>& Arrows() {
  static const std::map<std::string, std::set<std::string>> kArrows = {
      {"runtime", {}},
      {"protocol", {"runtime"}},
      {"config", {"runtime"}},
      {"segment", {"runtime", "protocol"}},
      {"controller", {"runtime", "protocol", "segment", "config"}},
      {"broker", {"runtime", "protocol", "segment", "controller", "config"}},
      {"producer", {"runtime", "protocol", "config"}},
      {"consumer", {"runtime", "protocol", "config"}},
      {"bench", {"runtime", "protocol", "config", "producer", "consumer"}},
      {"cli",
       {"runtime", "protocol", "segment", "controller", "broker", "config", "producer", "consumer",
        "bench"}},
  };
  return kArrows;
}

// The part of a folder that others may see, where it is not all of it.
bool IsPrivatePart(const std::string& includer, const std::string& included) {
  if (includer == "broker" && included.starts_with("controller/")) {
    return !included.starts_with("controller/metadata/") &&
           !included.starts_with("controller/client/");
  }
  return false;
}

TEST(Layering, FoldersIncludeOnlyWhatTheyMay) {
  static const std::regex kInclude(R"re(^\s*#include "([a-z_]+)/([^"]+)")re");
  std::vector<std::string> found;
  for (const SourceFile& file : Sources()) {
    // Leaves, like tests: nothing links them, and they measure parts of every folder.
    if (file.StartsWith("tests/") || file.StartsWith("bench/micro/")) continue;
    const auto& allowed = Arrows().at(file.folder);
    for (const SourceLine& line : file.lines) {
      std::smatch match;
      if (!std::regex_search(line.raw, match, kInclude)) continue;
      const std::string target = match[1];
      const std::string path = target + "/" + match[2].str();
      if (!Arrows().contains(target)) continue;  // a library's header
      if ((target != file.folder && !allowed.contains(target)) ||
          IsPrivatePart(file.folder, path)) {
        found.push_back(
            fmt::format("{} includes {}: {} may not see it", At(file, line), path, file.folder));
      }
    }
  }
  EXPECT_THAT(found, IsEmpty());
}

// ---- bans ----

struct Ban {
  const char* pattern;
  const char* instead;
  bool tests_too;
};

const Ban kBans[] = {
    {R"(boost/asio|boost::asio)", "the ports of runtime/ (Shard, Transport, DiskExecutor)", true},
    {R"(\bstd::(recursive_|shared_|timed_)?mutex\b|absl::Mutex|std::(lock_guard|unique_lock|scoped_lock|condition_variable)\b)",
     "ownership by one shard and messages (Shard::Post)", false},
    {R"(\bstd::j?thread\b|\bpthread_create\b)", "a Shard or the DiskExecutor", false},
    {R"(\b(system|steady|high_resolution)_clock\b|\bclock_gettime\s*\(|\bgettimeofday\s*\(|\bstd::time\s*\()",
     "the injected Clock", true},
    {R"(\bstd::random_device\b|\bstd::mt19937|\bsrand\s*\(|\brand\s*\(\s*\))",
     "the injected Random", true},
    {R"(\bstd::filesystem\b|\bstd::[io]?fstream\b|\bfopen\s*\(|::open\s*\(|\bpwritev?\s*\(|\bpreadv?\s*\(|\bfdatasync\s*\()",
     "the FileSystem port", true},
    {R"(::socket\s*\(|::connect\s*\(\s*fd|::bind\s*\(|::accept4?\s*\(|\bsys/socket\.h\b)",
     "the Transport port", true},
    {R"(\bsleep_for\b|\bsleep_until\b|\busleep\s*\(|\bnanosleep\s*\(|[^_\w]sleep\s*\()",
     "virtual time in the simulator, or a wait with a deadline on the event itself", true},
};

// Where a ban does not hold, with the reason.
bool IsExempt(const SourceFile& file) {
  return file.folder == "runtime" ||          // the ports' real implementations
         file.StartsWith("protocol/gen/") ||  // a build tool on the host, not part of any process
         file.StartsWith("bench/floor/") ||   // measures the bare system calls, without ports
         file.folder == "tests/runtime" ||    // tests of those implementations
         file.StartsWith("tests/tidy/");      // names what it bans
}

TEST(Bans, OperatingSystemOnlyInRuntime) {
  std::vector<std::string> found;
  for (const Ban& ban : kBans) {
    const std::regex pattern(ban.pattern);
    for (const SourceFile& file : Sources()) {
      if (IsExempt(file) || (file.StartsWith("tests/") && !ban.tests_too)) continue;
      for (const SourceLine& line : file.lines) {
        const bool include = line.raw.starts_with("#include");
        std::smatch match;
        const std::string& text = include ? line.raw : line.text;
        if (std::regex_search(text, match, pattern)) {
          found.push_back(
              fmt::format("{} uses '{}': use {}", At(file, line), match[0].str(), ban.instead));
        }
      }
    }
  }
  EXPECT_THAT(found, IsEmpty());
}

// Also in runtime/ and its tests: a test that sleeps is slow when it passes and wrong when the
// machine is busy.
TEST(Bans, NoTestSleeps) {
  const std::regex pattern(
      R"(\bsleep_for\b|\bsleep_until\b|\busleep\s*\(|\bnanosleep\s*\(|[^_\w]sleep\s*\()");
  std::vector<std::string> found;
  for (const SourceFile& file : Sources()) {
    if (!file.StartsWith("tests/") || file.StartsWith("tests/tidy/")) continue;
    for (const SourceLine& line : file.lines) {
      if (std::regex_search(line.text, pattern)) found.push_back(At(file, line));
    }
  }
  EXPECT_THAT(found, IsEmpty());
}

// ---- pure cores ----

TEST(Cores, ArePure) {
  const std::regex impure(
      R"re(#include "(runtime/(net|file|obs)/|runtime/ports|runtime/loop/(shard|owner|asio)|broker/server/connection\.h))re");
  std::vector<std::string> found;
  for (const SourceFile& file : Sources()) {
    if (!file.EndsWith("_core.h") && !file.EndsWith("_core.cc")) continue;
    for (const SourceLine& line : file.lines) {
      if (std::regex_search(line.raw, impure)) found.push_back(At(file, line) + ": " + line.raw);
    }
  }
  EXPECT_THAT(found, IsEmpty());
}

// ---- the build ----

// Every source file belongs to a target of this build tree.
TEST(Build, CompilesEverySource) {
  PosixFileSystem fs;
  auto text = ReadFile(fs, JoinPath(SOLITON_BINARY_DIR, "compile_commands.json"));
  ASSERT_TRUE(text.ok()) << text.status();
  std::set<std::string> compiled;
  const boost::json::value commands = boost::json::parse(*text);
  for (const boost::json::value& entry : commands.as_array()) {
    compiled.insert(std::string(entry.at("file").as_string()));
  }
  std::vector<std::string> forgotten;
  for (const SourceFile& file : Sources()) {
    if (!file.EndsWith(".cc")) continue;
    if (!compiled.contains(JoinPath(SOLITON_SOURCE_DIR, file.path))) forgotten.push_back(file.path);
  }
  EXPECT_THAT(forgotten, IsEmpty()) << "no CMake target builds these";
}

// ---- size ----

// A file above the limit hides a second noun. Those that were above it when the rule came are
// listed with their size: they may shrink, not grow.
const std::map<std::string, size_t>& LongFiles() {
  static const std::map<std::string, size_t> kLongFiles = {};
  return kLongFiles;
}

TEST(Size, FilesStayReadable) {
  constexpr size_t kMaxLines = 500;
  std::vector<std::string> found;
  for (const SourceFile& file : Sources()) {
    auto known = LongFiles().find(file.path);
    const size_t limit = known == LongFiles().end() ? kMaxLines : known->second;
    if (file.lines.size() > limit) {
      found.push_back(
          fmt::format("{} has {} lines, limit {}", file.path, file.lines.size(), limit));
    }
  }
  EXPECT_THAT(found, IsEmpty());
}

// ---- the tidy tests themselves ----

TEST(BlankOut, RemovesCommentsAndLiterals) {
  bool in_block = false;
  EXPECT_EQ(BlankOut("a(\"sleep(1)\"); // sleep(1)", in_block), "a(\"        \");            ");
  EXPECT_EQ(BlankOut("x /* sleep(", in_block), "x          ");
  EXPECT_TRUE(in_block);
  EXPECT_EQ(BlankOut("1) */ y", in_block), "      y");
  EXPECT_FALSE(in_block);
  EXPECT_EQ(BlankOut("n = 1'000'000;", in_block), "n = 1'000'000;");
}

}  // namespace
}  // namespace soliton::tidy

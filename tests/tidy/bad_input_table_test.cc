// tests/hostile/README.md says which test asks for which bad input. A table that names tests which
// are not there, or counts rows that are not there, promises what nobody checks.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "runtime/base/check.h"
#include "runtime/file/posix_file_system.h"
#include "tests/tidy/source_tree.h"

namespace soliton::tidy {
namespace {

using testing::IsEmpty;

std::string TextOf(std::string_view path) {
  PosixFileSystem files;
  auto text = ReadFile(files, fmt::format("{}/{}", SOLITON_SOURCE_DIR, path));
  CHECK(text.ok(), "{}", text.status().ToString());
  return *std::move(text);
}

std::vector<std::string> MatchesOf(const std::string& text, const std::regex& pattern) {
  std::vector<std::string> found;
  for (auto it = std::sregex_iterator(text.begin(), text.end(), pattern);
       it != std::sregex_iterator(); ++it) {
    found.push_back((*it)[1]);
  }
  return found;
}

// "Suite.Case" of every test in C++, "test_case" of every one in tests/hostile.
std::set<std::string> TestNames() {
  static const std::regex kTest(R"(^TEST(?:_F|_P)?\((\w+), (\w+)\))");
  std::set<std::string> names;
  for (const SourceFile& file : LoadSources()) {
    if (!file.StartsWith("tests/")) continue;
    for (const SourceLine& line : file.lines) {
      std::smatch match;
      if (std::regex_search(line.raw, match, kTest)) {
        names.insert(fmt::format("{}.{}", match[1].str(), match[2].str()));
      }
    }
  }
  for (const char* script : {"hostile", "start", "cli", "disk", "quorum", "past", "voters"}) {
    const std::string text = TextOf(fmt::format("tests/hostile/{}_test.py", script));
    for (std::string& name : MatchesOf(text, std::regex(R"(def (test_\w+)\()"))) {
      names.insert(std::move(name));
    }
  }
  return names;
}

// `name` is the beginning of a test's name, with or without its suite.
bool Names(const std::string& name, const std::set<std::string>& tests) {
  for (const std::string& test : tests) {
    if (test.starts_with(name)) return true;
    const size_t dot = test.find('.');
    if (dot != std::string::npos && test.substr(dot + 1).starts_with(name)) return true;
  }
  return false;
}

TEST(BadInputTable, NamesTestsThatExistAndCountsItsRows) {
  static const std::regex kRow(R"(\n\| ([^|\n]+) \| ([^|\n]*))");
  static const std::regex kName(
      R"(\b([A-Z]\w+\.[A-Z]\w+|test_\w+\b(?!\.py)|[A-Z][a-z]+\w*[A-Z]\w*))");
  const std::string text = TextOf("tests/hostile/README.md");
  const std::set<std::string> tests = TestNames();
  std::vector<std::string> unknown, without_test;
  int covered = 0, partly = 0, later = 0;
  for (auto it = std::sregex_iterator(text.begin(), text.end(), kRow); it != std::sregex_iterator();
       ++it) {
    const std::string input = (*it)[1], where = (*it)[2];
    if (input == "Input" || input.starts_with("**")) continue;
    const std::vector<std::string> names = MatchesOf(where, kName);
    for (const std::string& name : names) {
      if (!Names(name, tests)) unknown.push_back(fmt::format("{}: {}", input, name));
    }
    if (where.starts_with("later:") || where.starts_with("missing:")) {
      ++later;
    } else if (names.empty()) {
      without_test.push_back(input);
    } else {
      ++covered;
      partly += where.find("missing:") != std::string::npos;
    }
  }
  EXPECT_THAT(unknown, IsEmpty());
  EXPECT_THAT(without_test, IsEmpty());
  EXPECT_NE(text.find(fmt::format("{} rows: {} are covered ({} of them but for what is marked "
                                  "missing), {} are not",
                                  covered + later, covered, partly, later)),
            std::string::npos)
      << covered << " covered, " << partly << " partly, " << later << " not";
}

}  // namespace
}  // namespace soliton::tidy

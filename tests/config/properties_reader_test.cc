#include "config/properties_reader.h"

#include <gtest/gtest.h>

namespace soliton::config {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs Read(std::string_view text) {
  Diagnostics diagnostics;
  Pairs pairs;
  for (const RawEntry& entry : ReadProperties(text, "s.properties", diagnostics)) {
    EXPECT_FALSE(entry.is_typed);
    pairs.emplace_back(entry.name, std::get<std::string>(entry.value));
  }
  EXPECT_EQ(diagnostics.Render(), "") << text;
  return pairs;
}

std::string Messages(std::string_view text) {
  Diagnostics diagnostics;
  ReadProperties(text, "s.properties", diagnostics);
  return diagnostics.Render();
}

struct Case {
  const char* text;
  Pairs expected;
};

TEST(PropertiesReader, JavasRules) {
  const Case kCases[] = {
      {"a=b", {{"a", "b"}}},
      {"a = b", {{"a", "b"}}},
      {"a:b", {{"a", "b"}}},
      {"a b", {{"a", "b"}}},
      {"a\t:\t b  ", {{"a", "b"}}},
      {"  a=b", {{"a", "b"}}},
      {"a==b", {{"a", "=b"}}},
      {"a=b=c", {{"a", "b=c"}}},
      {"a : = b", {{"a", "= b"}}},
      {"a", {{"a", ""}}},
      {"a=", {{"a", ""}}},
      {"# c\n! d\n  # e\n\na=1", {{"a", "1"}}},
      {"a=1 # not a comment", {{"a", "1 # not a comment"}}},
      {"a=1\r\nb=2\rc=3\n", {{"a", "1"}, {"b", "2"}, {"c", "3"}}},
      {"a=b\\\n   c", {{"a", "bc"}}},
      {"a=b\\\\\nc=d", {{"a", "b\\"}, {"c", "d"}}},
      {"a\\\n=b", {{"a", "b"}}},
      {"a=b,\\\n  # still the value", {{"a", "b,# still the value"}}},
      {"a\\ b=c", {{"a b", "c"}}},
      {"a\\=b\\:c=d", {{"a=b:c", "d"}}},
      {"\\#a=b", {{"#a", "b"}}},
      {"a=\\tx\\u0041\\n\\z", {{"a", "xA\nz"}}},
      {"a=x\\u00e4\\u20ac\\uD83D\\ude00", {{"a", "x\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"}}},
      {"\xEF\xBB\xBF"
       "a=1",
       {{"a", "1"}}},
      {"", {}},
      {"\\\n", {}},
      {"a=1\\", {{"a", "1"}}},
  };
  for (const Case& c : kCases) EXPECT_EQ(Read(c.text), c.expected) << c.text;
}

TEST(PropertiesReader, Positions) {
  Diagnostics diagnostics;
  const std::vector<RawEntry> entries = ReadProperties(
      "# kafka\n  log.dirs = /a,\\\n     /b\nnode.id=  7  \n", "s.properties", diagnostics);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].name_at.ToString(), "s.properties:2:3");
  EXPECT_EQ(entries[0].name_at.width, 8);
  EXPECT_EQ(entries[0].value_at.ToString(), "s.properties:2:14");
  EXPECT_EQ(entries[0].value_at.width, 3);
  EXPECT_EQ(entries[1].value_at.ToString(), "s.properties:4:11");
  EXPECT_EQ(entries[1].value_at.width, 1);
}

TEST(PropertiesReader, Duplicate) {
  EXPECT_EQ(Messages("node.id=1\nshards=2\n node.id=3\n"),
            "error: duplicate setting 'node.id'\n"
            "  at: s.properties:3:2\n"
            "    3 |  node.id=3\n"
            "      |  ^^^^^^^ it is given on line 1 already\n");
}

TEST(PropertiesReader, MalformedEscape) {
  EXPECT_EQ(Messages("a=\\u12x4\n"),
            "error: malformed \\u escape\n"
            "  at: s.properties:1:3\n"
            "    1 | a=\\u12x4\n"
            "      |   ^^^^^^ expected \\u and four hexadecimal digits\n");
  for (const char* text :
       {"a=\\u", "a=\\u12", "a=\\uD800", "a=\\uDC00\\uD800", "a=\\uD800\\u0041"}) {
    EXPECT_NE(Messages(text), "") << text;
  }
}

TEST(PropertiesReader, ValueWithoutName) {
  EXPECT_EQ(Messages("= 5\n"),
            "error: a value without a name\n"
            "  at: s.properties:1:1\n"
            "    1 | = 5\n"
            "      | ^^^ expected name=value\n");
}

TEST(PropertiesReader, EveryErrorIsReported) {
  Diagnostics diagnostics;
  ReadProperties("=1\na=\\uZZZZ\nb=1\nb=2\n", "s.properties", diagnostics);
  EXPECT_EQ(diagnostics.error_count(), 3);
}

TEST(PropertiesReader, AnyBytesAreReadWithoutFault) {
  // Every pair of bytes around a small file: never a crash, and positions stay inside the text.
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; b += 5) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b), '\n', 'x', '=',
                                static_cast<char>(b), static_cast<char>(a)};
      Diagnostics diagnostics;
      for (const RawEntry& entry : ReadProperties(text, "f", diagnostics)) {
        EXPECT_LE(entry.name_at.line, 4);
        EXPECT_GE(entry.name_at.column, 1);
      }
    }
  }
}

}  // namespace
}  // namespace soliton::config

#include "config/toml_reader.h"

#include <gtest/gtest.h>

#include "config/value_check.h"

namespace soliton::config {
namespace {

std::vector<RawEntry> Read(std::string_view text) {
  Diagnostics diagnostics;
  std::vector<RawEntry> entries = ReadToml(text, "f.toml", diagnostics);
  EXPECT_EQ(diagnostics.Render(), "") << text;
  return entries;
}

std::string Messages(std::string_view text) {
  Diagnostics diagnostics;
  ReadToml(text, "f.toml", diagnostics);
  return diagnostics.Render();
}

TEST(TomlReader, TablesAndDottedKeysFlattenToTheSameNames) {
  for (const char* text :
       {"log.retention.ms = 5", "[log]\nretention.ms = 5", "[log.retention]\nms = 5",
        "log = { retention.ms = 5 }", "\"log.retention.ms\" = 5", "log.\"retention\".ms = 5"}) {
    const std::vector<RawEntry> entries = Read(text);
    ASSERT_EQ(entries.size(), 1u) << text;
    EXPECT_EQ(entries[0].name, "log.retention.ms") << text;
    EXPECT_EQ(entries[0].value, Value(int64_t{5})) << text;
    EXPECT_TRUE(entries[0].is_typed);
  }
}

TEST(TomlReader, TypesAndLists) {
  const std::vector<RawEntry> entries =
      Read("a = true\nb = -3\nc = 0.5\nd = 'x'\ne = [\"p\", 7]\nf = \"\"\"two\nlines\"\"\"\n");
  ASSERT_EQ(entries.size(), 6u);
  EXPECT_EQ(entries[0].value, Value(true));
  EXPECT_EQ(entries[1].value, Value(int64_t{-3}));
  EXPECT_EQ(entries[2].value, Value(0.5));
  EXPECT_EQ(entries[3].value, Value(std::string("x")));
  EXPECT_EQ(entries[4].value, Value(std::vector<std::string>{"p", "7"}));
  EXPECT_EQ(entries[5].value, Value(std::string("two\nlines")));
}

TEST(TomlReader, EntriesComeInFileOrder) {
  const std::vector<RawEntry> entries = Read("z = 1\na.c = 2\na.b = 3\n");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "z");
  EXPECT_EQ(entries[1].name, "a.c");
  EXPECT_EQ(entries[2].name, "a.b");
}

struct PositionCase {
  const char* text;
  size_t entry;
  int line, column, width, value_column, value_width;
};

TEST(TomlReader, PositionsOfNamesAndValues) {
  const PositionCase kCases[] = {
      {"log.retention.ms = 500", 0, 1, 1, 16, 20, 3},
      {"# c\n\n  shards = 2\n", 0, 3, 3, 6, 12, 1},
      {"log.a = 1\nlog.b.c = 22\n", 1, 2, 1, 7, 11, 2},
      {"[log]\n  retention . ms = \"7d\"\n", 0, 2, 3, 14, 20, 4},
      {"x.\"y.z\" = true\n", 0, 1, 1, 7, 11, 4},
      {"a = [1,\n 2]\n", 0, 1, 1, 1, 5, 3},
  };
  for (const PositionCase& c : kCases) {
    Diagnostics diagnostics;
    const std::vector<RawEntry> entries = ReadToml(c.text, "f.toml", diagnostics);
    ASSERT_GT(entries.size(), c.entry) << c.text;
    const RawEntry& entry = entries[c.entry];
    EXPECT_EQ(entry.name_at.line, c.line) << c.text;
    EXPECT_EQ(entry.name_at.column, c.column) << c.text;
    EXPECT_EQ(entry.name_at.width, c.width) << c.text;
    EXPECT_EQ(entry.value_at.column, c.value_column) << c.text;
    EXPECT_EQ(entry.value_at.width, c.value_width) << c.text;
  }
}

TEST(TomlReader, ColumnsCountCharactersNotBytes) {
  const std::vector<RawEntry> entries = Read("a = { \"\xC3\xA4\xC3\xB6\" = 1, b = 2 }\n");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1].name, "a.b");
  EXPECT_EQ(entries[1].name_at.column, 17);
}

TEST(TomlReader, DuplicateSetting) {
  EXPECT_EQ(Messages("node.id = 1\nshards = 2\nnode.id = 3\n"),
            "error: duplicate setting 'node.id'\n"
            "  at: f.toml:3:1\n"
            "    3 | node.id = 3\n"
            "      | ^^^^^^^ it has a value above already\n");
}

TEST(TomlReader, ANameThatIsPartOfAnotherNeedsQuotes) {
  const std::string clash = Messages("broker.id = 1\nbroker.id.generation.enable = true\n");
  EXPECT_EQ(clash,
            "error: 'broker.id.generation.enable' is part of the name of another setting\n"
            "  at: f.toml:2:1\n"
            "    2 | broker.id.generation.enable = true\n"
            "      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^ TOML needs the longer of the two names in quotes: "
            "\"broker.id.generation.enable\" = ...\n");
  const std::vector<RawEntry> quoted =
      Read("broker.id = 1\n\"broker.id.generation.enable\" = true\n");
  ASSERT_EQ(quoted.size(), 2u);
  EXPECT_EQ(quoted[1].name, "broker.id.generation.enable");
}

TEST(TomlReader, SyntaxErrorsHaveAPosition) {
  for (const char* text : {"a = \n", "a = 7d\n", "= 1\n", "[log\n", "a = \"x\n", "a = [1, 2\n",
                           "a = 1 b = 2\n", "\xFF = 1\n", "a = 99999999999999999999\n"}) {
    Diagnostics diagnostics;
    EXPECT_TRUE(ReadToml(text, "f.toml", diagnostics).empty()) << text;
    ASSERT_EQ(diagnostics.error_count(), 1) << text;
    const Diagnostic& error = diagnostics.all()[0];
    EXPECT_EQ(error.message, "not valid TOML") << text;
    ASSERT_TRUE(error.location.has_value());
    EXPECT_GE(error.location->line, 1) << text;
    EXPECT_FALSE(error.note.empty()) << text;
  }
}

// toml++ has a hole where it asks whether these are blanks (found by fuzz_config).
TEST(TomlReader, LettersOfAnyAlphabetOutsideOfQuotesAreNoTextAndNoCrash) {
  for (int code = 0x80; code < 0xFFFF; code += code < 0x500 ? 1 : 0x11) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string letter;
    if (code < 0x800) {
      letter = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
    } else {
      letter = {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
                static_cast<char>(0x80 | (code & 0x3F))};
    }
    for (const std::string& text : {"a = 1 " + letter + "\n", letter + " = 1\n",
                                    "[" + letter + "]\n", "a " + letter + "= 1\n"}) {
      Diagnostics diagnostics;
      ReadToml(text, "f.toml", diagnostics);
      EXPECT_EQ(diagnostics.error_count(), 1) << std::hex << code << " in " << text;
    }
    EXPECT_EQ(Read("a = \"" + letter + "\" # " + letter + "\n").size(), 1u) << std::hex << code;
  }
}

// toml++ asserts that a table's name begins like one (found by fuzz_config in a build with
// asserts).
TEST(TomlReader, ATableThatIsCalledNothing) {
  for (const char* text : {"[=]\n", "[;", "[[=]]\n", "[.a]\n", "[ , ]", "[\x01]"}) {
    EXPECT_NE(Messages(text).find("error: not valid TOML"), std::string::npos) << text;
  }
}

TEST(TomlReader, ValuesThatNoSettingHas) {
  EXPECT_EQ(
      Messages("a = 2020-01-01\n"),
      "error: bad value for 'a'\n"
      "  at: f.toml:1:5\n"
      "    1 | a = 2020-01-01\n"
      "      |     ^^^^^^^^^^ expected a number, a text, true or false, or a list of these\n");
  EXPECT_NE(Messages("a = [[1]]\n"), "");
  EXPECT_NE(Messages("[[a]]\nb = 1\n"), "");
}

TEST(TomlReader, DeepNestingIsAnErrorNotACrash) {
  std::string text = "a = ";
  text.append(5000, '[');
  Diagnostics diagnostics;
  ReadToml(text, "f.toml", diagnostics);
  EXPECT_EQ(diagnostics.error_count(), 1);
}

}  // namespace
}  // namespace soliton::config

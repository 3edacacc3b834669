// Golden outputs of the table in every format.
#include "cli/output.h"

#include <gtest/gtest.h>

namespace soliton::cli {
namespace {

Table Topics() {
  Table table("topics", {{"TOPIC", "name", "string"},
                         {"PARTITIONS", "partitions", "int", Column::Align::kRight},
                         {"SIZE", "size_bytes", "int", Column::Align::kRight},
                         {"REPLICAS", "replicas", "int[]", Column::Align::kLeft, true},
                         {"NOTE", "note", "string"}});
  table.AddRow({"orders", 12, Cell(int64_t{4509715660}, HumanBytes(4509715660)),
                Cell(std::vector<int64_t>{1, 2, 3}), Cell()});
  table.AddRow({"a,\"b\"", 1, 0, Cell(std::vector<int64_t>{}), "line\nbreak"});
  return table;
}

TEST(Table, ForPeople) {
  EXPECT_EQ(Topics().Render(OutputFormat::kTable),
            "TOPIC   PARTITIONS     SIZE  NOTE\n"
            "orders          12  4.2 GiB  -\n"
            "a,\"b\"            1        0  line break\n");
  EXPECT_EQ(Topics().Render(OutputFormat::kWide),
            "TOPIC   PARTITIONS     SIZE  REPLICAS  NOTE\n"
            "orders          12  4.2 GiB  1,2,3     -\n"
            "a,\"b\"            1        0  -         line break\n");
}

TEST(Table, Json) {
  EXPECT_EQ(Topics().Render(OutputFormat::kJson),
            "{\"version\":1,\"topics\":[{\"name\":\"orders\",\"partitions\":12,\"size_bytes\":"
            "4509715660,\"replicas\":[1,2,3],\"note\":null},{\"name\":\"a,\\\"b\\\"\","
            "\"partitions\":1,\"size_bytes\":0,\"replicas\":[],\"note\":\"line\\nbreak\"}]}\n");
  EXPECT_EQ(Topics().Render(OutputFormat::kJsonl),
            "{\"name\":\"orders\",\"partitions\":12,\"size_bytes\":4509715660,\"replicas\":[1,2,3],"
            "\"note\":null}\n"
            "{\"name\":\"a,\\\"b\\\"\",\"partitions\":1,\"size_bytes\":0,\"replicas\":[],\"note\":"
            "\"line\\nbreak\"}\n");
}

TEST(Table, Csv) {
  EXPECT_EQ(Topics().Render(OutputFormat::kCsv),
            "name,partitions,size_bytes,replicas,note\r\n"
            "orders,12,4509715660,\"1,2,3\",\r\n"
            "\"a,\"\"b\"\"\",1,0,,\"line\nbreak\"\r\n");
}

TEST(Table, HelpIsTheSchema) {
  EXPECT_EQ(
      Topics().Render(OutputFormat::kHelp),
      "json: {\"version\":1,\"topics\":[{KEY: VALUE, ...}, ...]}; jsonl: one object per line\n"
      "\n"
      "COLUMN      JSON KEY    TYPE    IN TABLE\n"
      "TOPIC       name        string  always\n"
      "PARTITIONS  partitions  int     always\n"
      "SIZE        size_bytes  int     always\n"
      "REPLICAS    replicas    int[]   wide\n"
      "NOTE        note        string  always\n");
}

TEST(Table, FactsStandBesideTheRows) {
  Table table("members", {{"NODE", "node", "int"}});
  table.AddFact("leader", "int", 2);
  table.AddFact("why", "string", Cell());
  table.AddRow({1});
  EXPECT_EQ(table.Render(OutputFormat::kJson),
            "{\"version\":1,\"leader\":2,\"why\":null,\"members\":[{\"node\":1}]}\n");
  EXPECT_EQ(table.Render(OutputFormat::kTable), "NODE\n1\n");
  EXPECT_EQ(table.Render(OutputFormat::kHelp),
            "json: {\"version\":1,\"leader\":VALUE,\"why\":VALUE,\"members\":[{KEY: VALUE, ...}, "
            "...]}; jsonl: one object per line\n"
            "\n"
            "COLUMN  JSON KEY  TYPE    IN TABLE\n"
            "NODE    node      int     always\n"
            "-       leader    int     json only\n"
            "-       why       string  json only\n");
}

TEST(Table, Empty) {
  const Table table("topics", {{"TOPIC", "name", "string"}});
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.Render(OutputFormat::kTable), "TOPIC\n");
  EXPECT_EQ(table.Render(OutputFormat::kJson), "{\"version\":1,\"topics\":[]}\n");
  EXPECT_EQ(table.Render(OutputFormat::kJsonl), "");
  EXPECT_EQ(table.Render(OutputFormat::kCsv), "name\r\n");
}

TEST(Table, CountedNouns) {
  EXPECT_EQ(Counted(1, "topic"), "1 topic");
  EXPECT_EQ(Counted(0, "topic"), "0 topics");
  EXPECT_EQ(Counted(1048, "topic"), "1,048 topics");
}

TEST(Table, WidthCountsCharacters) {
  Table table("t", {{"A", "a", "string"}, {"B", "b", "string"}});
  table.AddRow({"\xC3\xA4\xC3\xB6", "x"});
  table.AddRow({"abc", "y"});
  EXPECT_EQ(table.Render(OutputFormat::kTable), "A    B\n\xC3\xA4\xC3\xB6   x\nabc  y\n");
}

TEST(Table, RowsMustFit) {
  Table table("t", {{"A", "a", "string"}});
  EXPECT_DEATH(table.AddRow({"x", "y"}), "2 cells for 1 columns");
}

TEST(JsonQuote, IsAlwaysValidUtf8) {
  EXPECT_EQ(JsonQuote("a\"\\\n\x01"), "\"a\\\"\\\\\\n\\u0001\"");
  EXPECT_EQ(JsonQuote("\xE2\x82\xAC"), "\"\xE2\x82\xAC\"");
  const std::string replacement = "\xEF\xBF\xBD";
  EXPECT_EQ(JsonQuote("\xFF"), "\"" + replacement + "\"");
  EXPECT_EQ(JsonQuote("a\xE2\x82"), "\"a" + replacement + replacement + "\"");
  EXPECT_EQ(JsonQuote("\xC0\x80"), "\"" + replacement + replacement + "\"");
  EXPECT_EQ(JsonQuote("\xED\xA0\x80"), "\"" + replacement + replacement + replacement + "\"");
}

TEST(Human, Numbers) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1024), "1.0 KiB");
  EXPECT_EQ(HumanBytes(1048575), "1.0 MiB");
  EXPECT_EQ(HumanBytes(int64_t{5} << 40), "5.0 TiB");
  EXPECT_EQ(HumanCount(0), "0");
  EXPECT_EQ(HumanCount(999), "999");
  EXPECT_EQ(HumanCount(1048211), "1,048,211");
  EXPECT_EQ(HumanCount(-1000), "-1,000");
  EXPECT_EQ(HumanDuration(milliseconds(604800000)), "7d");
  EXPECT_EQ(HumanDuration(milliseconds(1500)), "1.5s");
  EXPECT_EQ(HumanDuration(milliseconds(250)), "250ms");
  EXPECT_EQ(HumanDuration(Duration(7)), "7ns");
}

}  // namespace
}  // namespace soliton::cli

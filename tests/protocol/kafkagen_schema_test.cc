// The generator's reader of schema files: what it makes of a good one, and that it names each
// mistake.
#include <gtest/gtest.h>

#include <string>

#include "protocol/gen/cpp_text.h"
#include "protocol/gen/schema.h"

namespace soliton::kafkagen {
namespace {

// A schema of versions 1-3, flexible from 2, whose request has these fields.
Schema SchemaWith(const std::string& request_fields) {
  return ParseSchema("schema/77_under_test.json", R"({"key": 77, "name": "Test",
    "versions": "1-3", "flexible": "2+", "request": {"fields": [)" +
                                                      request_fields +
                                                      R"(], "structs": [{"name": "Pair", "fields": [
      {"name": "first", "type": "int32"}, {"name": "second", "type": "string"}]}]},
    "response": {"fields": []}})");
}

Field LoadField(const std::string& field) { return SchemaWith(field).messages[0].root->fields[0]; }

TEST(KafkagenSchema, RangesAreClippedToTheMessage) {
  const Field field = LoadField(
      R"({"name": "reason", "type": "string", "versions": "2+", "nullable": "3+", "tag": 4})");
  EXPECT_EQ(SchemaWith("").file_name, "under_test");
  EXPECT_EQ(field.versions, (VersionRange{2, 3}));
  EXPECT_EQ(field.nullable, (VersionRange{3, 3}));
  EXPECT_EQ(field.tag, 4u);
  EXPECT_EQ(CppType(field), "std::optional<std::string>");
}

TEST(KafkagenSchema, AnArrayOfMostlyOneTakesNoAllocation) {
  EXPECT_EQ(CppType(LoadField(R"({"name": "ids", "type": "[]int32", "mostly_one": true})")),
            "absl::InlinedVector<int32_t, 1>");
  EXPECT_EQ(CppType(LoadField(R"({"name": "ids", "type": "[]int32"})")), "std::vector<int32_t>");
}

TEST(KafkagenSchema, TheFewestBytesOfAnElement) {
  // Version 1: 4 + 2 bytes; version 2 and 3: 4 + 1 and an empty tag block.
  EXPECT_EQ(MinElementBytes(LoadField(R"({"name": "pairs", "type": "[]Pair"})"), 2), 6u);
  EXPECT_EQ(MinElementBytes(LoadField(R"({"name": "names", "type": "[]string"})"), 2), 1u);
  EXPECT_EQ(MinElementBytes(LoadField(R"({"name": "ids", "type": "[]uuid"})"), 2), 16u);
  // Fields that only some versions have do not count where they are missing.
  EXPECT_EQ(MinElementBytes(LoadField(R"({"name": "list", "type": "[]Own", "fields": [
      {"name": "a", "type": "int64", "versions": "3"}, {"name": "b", "type": "int8"}]})"),
                            2),
            1u);
}

TEST(KafkagenSchema, VersionConditions) {
  const VersionRange all{1, 3};
  EXPECT_EQ(VersionCondition({1, 3}, all), "");
  EXPECT_EQ(VersionCondition({2, 3}, all), "version >= 2");
  EXPECT_EQ(VersionCondition({1, 2}, all), "version <= 2");
  EXPECT_EQ(VersionCondition({2, 2}, all), "version == 2");
  EXPECT_EQ(VersionExpression({}, all), "false");
  EXPECT_EQ(VersionExpression({1, 3}, all), "true");
}

TEST(KafkagenSchemaDeathTest, MistakesAreNamed) {
  const auto fails = [](const std::string& fields, const std::string& message) {
    EXPECT_EXIT(SchemaWith(fields), testing::ExitedWithCode(1), message) << fields;
  };
  fails(R"({"name": "a", "type": "int33"})", "no struct int33");
  fails(R"({"name": "camelCase", "type": "int32"})", "snake_case");
  fails(R"({"name": "version", "type": "int32"})", "needs this name");
  fails(R"({"name": "a", "type": "int32", "versions": "0+"})", "outside");
  fails(R"({"name": "a", "type": "int32", "versions": "3-2"})", "versions 3-2");
  fails(R"({"name": "a", "type": "int32", "versoins": "1+"})", "unknown member versoins");
  fails(R"({"name": "a", "type": "int32", "nullable": "1+"})", "cannot be null");
  fails(R"({"name": "a", "type": "int32", "tag": 0})", "before the versions are flexible");
  fails(R"({"name": "a", "type": "string", "default": null})", "default null");
  fails(R"({"name": "a", "type": "int32", "default": "1"})", "not an integer");
  fails(R"({"name": "a", "type": "int32"}, {"name": "a", "type": "int32"})", "a twice");
  fails(R"({"name": "a", "type": "int32", "versions": "2+", "tag": 1},
           {"name": "b", "type": "int32", "versions": "2+", "tag": 1})",
        "tag of b twice");
  fails(R"({"name": "a", "type": "[]records"})", "array of records");
  fails("!", "not a JSON object");
}

}  // namespace
}  // namespace soliton::kafkagen

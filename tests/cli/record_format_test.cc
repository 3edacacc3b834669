#include "cli/record_format.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace soliton::cli {
namespace {

using namespace std::string_view_literals;

PrintableRecord Sample() {
  return {.topic = "orders",
          .partition = 3,
          .offset = 42,
          .timestamp_ms = 1769860800123,  // 2026-01-31T12:00:00.123Z
          .leader_epoch = 7,
          .key = "k1",
          .value = "hello",
          .headers = {{"trace", "abc"}, {"empty", std::nullopt}}};
}

std::string Printed(std::string_view format, const PrintableRecord& record = Sample()) {
  const auto parsed = RecordFormat::Parse(format);
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  std::string text;
  if (parsed.ok()) parsed->Print(record, text);
  return text;
}

TEST(RecordFormatTest, PrintsEveryField) {
  EXPECT_EQ(Printed("%t %p/%o %k=%v"), "orders 3/42 k1=hello");
  EXPECT_EQ(Printed("%s|%h|%e"), "hello|trace=abc,empty=|7");
  EXPECT_EQ(Printed("%T %d"), "1769860800123 2026-01-31T12:00:00.123Z");
  EXPECT_EQ(Printed("%d{%H:%M} %d{strftime[%Y]}"), "12:00 2026");
  EXPECT_EQ(Printed("%K %S %V"), "2 5 5");
  EXPECT_EQ(Printed("100%%"), "100%");
}

TEST(RecordFormatTest, ResolvesEscapes) {
  EXPECT_EQ(Printed("a\\tb\\n\\r\\\\\\x41\\0"), "a\tb\n\r\\A\0"sv);
}

TEST(RecordFormatTest, EncodesKeysAndValues) {
  PrintableRecord record = Sample();
  record.key = "\x00\xff"sv;
  record.value = "say \"hi\"\n";
  EXPECT_EQ(Printed("%k{hex} %k{base64} %v{json}", record), "00ff AP8= \"say \\\"hi\\\"\\n\"");
}

TEST(RecordFormatTest, NullPrintsNothingExceptAsLengthAndJson) {
  PrintableRecord record = Sample();
  record.key = std::nullopt;
  record.value = std::nullopt;
  EXPECT_EQ(Printed("[%k][%v]%K,%S %v{json}", record), "[][]-1,-1 null");
}

TEST(RecordFormatTest, MistakesNameTheirPlace) {
  for (const auto& [format, place] : {std::pair{"abc%", "position 4"},
                                      {"%q", "position 1"},
                                      {"ab\\y", "position 3"},
                                      {"\\x4", "position 1"},
                                      {"\\", "position 1"},
                                      {"%v{hex", "position 3"},
                                      {"%v{upper}", "position 1"},
                                      {"%p{hex}", "position 1"},
                                      {"%d{}", "position 1"}}) {
    const auto parsed = RecordFormat::Parse(format);
    ASSERT_FALSE(parsed.ok()) << format;
    EXPECT_NE(std::string(parsed.status().message()).find(place), std::string::npos)
        << format << ": " << parsed.status().ToString();
  }
}

std::string FromBase64(std::string_view text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(kAlphabet.find(c));
    if (++count % 4 != 1) bytes.push_back(static_cast<char>(bits >> (6 - 2 * ((count - 1) % 4))));
  }
  return bytes;
}

// What was printed as JSON is read back: nothing may be lost, whatever the bytes.
TEST(RecordFormatTest, JsonRoundTripsAnyBytes) {
  const std::string_view texts[] = {"plain"sv,
                                    "\"quoted\"\\\n\t\x01"sv,
                                    "gr\xc3\xbc\xc3\x9f"sv,
                                    "\xff\xfe\x00x"sv,
                                    ""sv,
                                    "\xed\xa0\x80"sv,
                                    "\xc0\x80"sv};
  for (const std::string_view text : texts) {
    PrintableRecord record = Sample();
    record.value = text;
    record.headers = {{"h", text}};
    std::string line;
    PrintJsonRecord(record, line);
    ASSERT_EQ(line.back(), '\n');
    const boost::json::value json = boost::json::parse(line);
    const auto bytes = [](const boost::json::object& object, const std::string& plain,
                          const std::string& encoded) {
      if (object.contains(plain)) return std::string(object.at(plain).as_string());
      return FromBase64(std::string(object.at(encoded).as_string()));
    };
    EXPECT_EQ(bytes(json.as_object(), "value", "value_base64"), text);
    EXPECT_EQ(bytes(json.at("headers").at(0).as_object(), "value", "value_base64"), text);
    EXPECT_EQ(json.at("offset").as_int64(), 42);
    EXPECT_EQ(json.at("topic").as_string(), "orders");
    EXPECT_EQ(json.at("key").as_string(), "k1");
  }
  PrintableRecord tombstone = Sample();
  tombstone.value = std::nullopt;
  std::string line;
  PrintJsonRecord(tombstone, line);
  EXPECT_TRUE(boost::json::parse(line).at("value").is_null());
}

TEST(RecordFormatTest, Utf8IsCheckedStrictly) {
  EXPECT_TRUE(IsUtf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
  EXPECT_FALSE(IsUtf8("\xc3"));
  EXPECT_FALSE(IsUtf8("\xc0\x80"));          // overlong
  EXPECT_FALSE(IsUtf8("\xed\xa0\x80"));      // a surrogate
  EXPECT_FALSE(IsUtf8("\xf4\x90\x80\x80"));  // beyond Unicode
  EXPECT_FALSE(IsUtf8("\x80"));
}

TEST(RecordFormatTest, UnescapesSeparators) {
  EXPECT_EQ(*Unescape("\\t"), "\t");
  EXPECT_EQ(*Unescape("=>"), "=>");
  EXPECT_FALSE(Unescape("\\q").ok());
}

}  // namespace
}  // namespace soliton::cli

// How records are printed: a format string in the manner of printf, kcat and rpk, or JSON lines.
//   %t topic   %p partition   %o offset   %k key   %v value (or %s)   %h headers
//   %T timestamp in ms   %d timestamp as ISO 8601 UTC   %d{...} with strftime codes
//   %K %S  length of key and value (-1 = null)   %e leader epoch   %% a percent sign
//   %k{hex} %v{hex} %k{base64} %v{base64} %k{json} %v{json}   encodings of key and value
//   \n \t \r \\ \0 \xHH   escapes
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace soliton::cli {

// One record as it is printed. Views; nothing is owned.
struct PrintableRecord {
  std::string_view topic;
  int32_t partition = -1;
  int64_t offset = -1;
  int64_t timestamp_ms = -1;
  int32_t leader_epoch = -1;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> headers;
};

class RecordFormat {
 public:
  // kInvalidArgument names the place of the mistake.
  static absl::StatusOr<RecordFormat> Parse(std::string_view text);

  // Appends the record to `out`. A null key or value prints nothing.
  void Print(const PrintableRecord& record, std::string& out) const;

 private:
  enum class Field {
    kLiteral,
    kTopic,
    kPartition,
    kOffset,
    kKey,
    kValue,
    kHeaders,
    kTimestamp,
    kDate,
    kKeyLength,
    kValueLength,
    kLeaderEpoch,
  };
  enum class Encoding { kRaw, kHex, kBase64, kJson };
  struct Piece {
    Field field = Field::kLiteral;
    std::string text;  // the literal, or the strftime codes
    Encoding encoding = Encoding::kRaw;
  };
  class Parser;
  static void PrintBytes(const std::optional<std::string_view>& bytes, Encoding encoding,
                         std::string& out);

  std::vector<Piece> pieces_;
};

// One JSON object and a newline. Keys, values and header values that are not UTF-8 stand as
// "key_base64", "value_base64", "base64" instead, so nothing is lost. Null stays null.
void PrintJsonRecord(const PrintableRecord& record, std::string& out);

// "name":"text" or "name":null; "name_base64":"..." for bytes that are not UTF-8.
void PrintJsonBytes(std::string_view name, const std::optional<std::string_view>& bytes,
                    std::string& out);

// Resolves \n \t \r \\ \0 \xHH, as in --key-separator '\t'.
absl::StatusOr<std::string> Unescape(std::string_view text);

bool IsUtf8(std::string_view text);
std::string Base64(std::string_view bytes);
// 2026-01-31T12:00:00.123Z; "-" for a negative time.
std::string IsoTime(int64_t ms);

}  // namespace soliton::cli

#include "cli/record_format.h"

#include <fmt/format.h>

#include <ctime>

#include "cli/output.h"

namespace soliton::cli {
namespace {

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// Takes the escape after the backslash at `at`; leaves `at` behind it.
absl::StatusOr<char> TakeEscape(std::string_view text, size_t& at) {
  const size_t start = at++;
  const char kind = at < text.size() ? text[at++] : '\0';
  switch (kind) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case '\\':
      return '\\';
    case '0':
      if (at > start + 1) return '\0';
      break;
    case 'x':
      if (at + 2 <= text.size()) {
        const auto high = HexDigit(text[at]);
        const auto low = HexDigit(text[at + 1]);
        if (high.has_value() && low.has_value()) {
          at += 2;
          return static_cast<char>(*high * 16 + *low);
        }
      }
      break;
    default:
      break;
  }
  return absl::InvalidArgumentError(
      fmt::format("bad escape at position {} of '{}': expected \\n \\t \\r \\\\ \\0 or \\xHH",
                  start + 1, text));
}

std::string Strftime(int64_t ms, const std::string& codes) {
  if (ms < 0) return "-";
  const std::time_t second = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  gmtime_r(&second, &parts);
  char text[256];
  const size_t size = std::strftime(text, sizeof(text), codes.c_str(), &parts);
  return std::string(text, size);
}

}  // namespace

class RecordFormat::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  absl::StatusOr<RecordFormat> Parse() {
    while (at_ < text_.size()) {
      if (text_[at_] == '\\') {
        const auto character = TakeEscape(text_, at_);
        if (!character.ok()) return character.status();
        Literal(*character);
      } else if (text_[at_] == '%') {
        if (absl::Status taken = TakeField(); !taken.ok()) return taken;
      } else {
        Literal(text_[at_++]);
      }
    }
    return std::move(format_);
  }

 private:
  void Literal(char character) {
    auto& pieces = format_.pieces_;
    if (pieces.empty() || pieces.back().field != Field::kLiteral) pieces.push_back({});
    pieces.back().text.push_back(character);
  }

  absl::Status Mistake(size_t at, std::string_view what) {
    return absl::InvalidArgumentError(
        fmt::format("{} at position {} of '{}'", what, at + 1, text_));
  }

  absl::Status TakeField() {
    const size_t start = at_++;
    if (at_ == text_.size()) return Mistake(start, "a lone %");
    const char letter = text_[at_++];
    if (letter == '%') return Literal('%'), absl::OkStatus();
    const std::optional<Field> field = FieldOf(letter);
    if (!field.has_value()) {
      return Mistake(start,
                     fmt::format("unknown %{} (known: %t %p %o %k %v %h %T %d %K %S %e)", letter));
    }
    Piece piece{.field = *field};
    if (at_ < text_.size() && text_[at_] == '{') {
      const size_t end = ModifierEnd();
      if (end == std::string_view::npos) return Mistake(at_, "a { without its }");
      const std::string_view modifier = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
      if (!Apply(modifier, piece)) {
        return Mistake(start, fmt::format("%{} does not take {{{}}}", letter, modifier));
      }
    } else if (*field == Field::kDate) {
      piece.text.clear();
    }
    format_.pieces_.push_back(std::move(piece));
    return absl::OkStatus();
  }

  static std::optional<Field> FieldOf(char letter) {
    switch (letter) {
      case 't':
        return Field::kTopic;
      case 'p':
        return Field::kPartition;
      case 'o':
        return Field::kOffset;
      case 'k':
        return Field::kKey;
      case 'v':
      case 's':
        return Field::kValue;
      case 'h':
        return Field::kHeaders;
      case 'T':
        return Field::kTimestamp;
      case 'd':
        return Field::kDate;
      case 'K':
        return Field::kKeyLength;
      case 'S':
      case 'V':
        return Field::kValueLength;
      case 'e':
        return Field::kLeaderEpoch;
      default:
        return std::nullopt;
    }
  }

  // The } that closes the { at at_.
  size_t ModifierEnd() const { return text_.find('}', at_); }

  static bool Apply(std::string_view modifier, Piece& piece) {
    if (piece.field == Field::kDate) {
      // %d{strftime[%T]} as rpk writes it, or just %d{%T}.
      constexpr std::string_view kLong = "strftime[";
      if (modifier.starts_with(kLong) && modifier.ends_with("]")) {
        modifier.remove_prefix(kLong.size());
        modifier.remove_suffix(1);
      }
      piece.text = std::string(modifier);
      return !modifier.empty();
    }
    if (piece.field != Field::kKey && piece.field != Field::kValue) return false;
    if (modifier == "hex") {
      piece.encoding = Encoding::kHex;
    } else if (modifier == "base64") {
      piece.encoding = Encoding::kBase64;
    } else if (modifier == "json") {
      piece.encoding = Encoding::kJson;
    } else {
      return false;
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  RecordFormat format_;
};

absl::StatusOr<RecordFormat> RecordFormat::Parse(std::string_view text) {
  return Parser(text).Parse();
}

void RecordFormat::PrintBytes(const std::optional<std::string_view>& bytes, Encoding encoding,
                              std::string& out) {
  if (!bytes.has_value()) {
    if (encoding == Encoding::kJson) out += "null";
    return;
  }
  switch (encoding) {
    case Encoding::kRaw:
      out += *bytes;
      break;
    case Encoding::kHex:
      for (const char c : *bytes) {
        fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<uint8_t>(c));
      }
      break;
    case Encoding::kBase64:
      out += Base64(*bytes);
      break;
    case Encoding::kJson:
      out += JsonQuote(*bytes);
      break;
  }
}

void RecordFormat::Print(const PrintableRecord& record, std::string& out) const {
  const auto number = [&out](int64_t value) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  };
  const auto length = [&](const std::optional<std::string_view>& bytes) {
    number(bytes.has_value() ? static_cast<int64_t>(bytes->size()) : -1);
  };
  for (const Piece& piece : pieces_) {
    switch (piece.field) {
      case Field::kLiteral:
        out += piece.text;
        break;
      case Field::kTopic:
        out += record.topic;
        break;
      case Field::kPartition:
        number(record.partition);
        break;
      case Field::kOffset:
        number(record.offset);
        break;
      case Field::kKey:
        PrintBytes(record.key, piece.encoding, out);
        break;
      case Field::kValue:
        PrintBytes(record.value, piece.encoding, out);
        break;
      case Field::kHeaders: {
        bool first = true;
        for (const auto& [key, value] : record.headers) {
          if (!std::exchange(first, false)) out += ',';
          out += key;
          out += '=';
          out += value.value_or("");
        }
        break;
      }
      case Field::kTimestamp:
        number(record.timestamp_ms);
        break;
      case Field::kDate:
        out += piece.text.empty() ? IsoTime(record.timestamp_ms)
                                  : Strftime(record.timestamp_ms, piece.text);
        break;
      case Field::kKeyLength:
        length(record.key);
        break;
      case Field::kValueLength:
        length(record.value);
        break;
      case Field::kLeaderEpoch:
        number(record.leader_epoch);
        break;
    }
  }
}

void PrintJsonBytes(std::string_view name, const std::optional<std::string_view>& bytes,
                    std::string& out) {
  if (!bytes.has_value()) {
    fmt::format_to(std::back_inserter(out), "\"{}\":null", name);
  } else if (IsUtf8(*bytes)) {
    fmt::format_to(std::back_inserter(out), "\"{}\":{}", name, JsonQuote(*bytes));
  } else {
    fmt::format_to(std::back_inserter(out), "\"{}_base64\":\"{}\"", name, Base64(*bytes));
  }
}

void PrintJsonRecord(const PrintableRecord& record, std::string& out) {
  fmt::format_to(std::back_inserter(out),
                 "{{\"topic\":{},\"partition\":{},\"offset\":{},\"timestamp\":{},",
                 JsonQuote(record.topic), record.partition, record.offset, record.timestamp_ms);
  PrintJsonBytes("key", record.key, out);
  out += ',';
  PrintJsonBytes("value", record.value, out);
  out += ",\"headers\":[";
  bool first = true;
  for (const auto& [key, value] : record.headers) {
    if (!std::exchange(first, false)) out += ',';
    fmt::format_to(std::back_inserter(out), "{{\"key\":{},", JsonQuote(key));
    PrintJsonBytes("value", value, out);
    out += '}';
  }
  out += "]}\n";
}

absl::StatusOr<std::string> Unescape(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      result.push_back(text[at++]);
      continue;
    }
    const auto character = TakeEscape(text, at);
    if (!character.ok()) return character.status();
    result.push_back(*character);
  }
  return result;
}

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<uint8_t>(text[at]);
    const size_t size = lead < 0x80       ? 1
                        : lead >> 5 == 6  ? 2
                        : lead >> 4 == 14 ? 3
                        : lead >> 3 == 30 ? 4
                                          : 0;
    if (size == 0 || at + size > text.size()) return false;
    uint32_t code = size == 1 ? lead : lead & (0x7fu >> size);
    for (size_t i = 1; i < size; ++i) {
      const auto next = static_cast<uint8_t>(text[at + i]);
      if (next >> 6 != 2) return false;
      code = code << 6 | (next & 0x3f);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    at += size;
  }
  return true;
}

std::string Base64(std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t size = std::min<size_t>(3, bytes.size() - at);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < size ? static_cast<uint8_t>(bytes[at + i]) : 0u);
    }
    for (size_t i = 0; i < 4; ++i) {
      text.push_back(i <= size ? kAlphabet[bits >> (18 - 6 * i) & 0x3f] : '=');
    }
  }
  return text;
}

std::string IsoTime(int64_t ms) {
  if (ms < 0) return "-";
  return fmt::format("{}.{:03}Z", Strftime(ms, "%Y-%m-%dT%H:%M:%S"), ms % 1000);
}

}  // namespace soliton::cli

// The JSON form of a log line.
#include <ctime>

#include "runtime/obs/logging.h"

namespace soliton {
namespace {

// Length of the well-formed UTF-8 sequence at the front of `text`, or 0. Overlong forms, surrogates
// and values above U+10FFFF are not well-formed (Unicode table 3-7).
size_t Utf8SequenceBytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto continues = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xBF) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const uint8_t low = lead == 0xE0 ? 0xA0 : 0x80;
    const uint8_t high = lead == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const uint8_t low = lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

void AppendAsciiEscaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto byte = static_cast<uint8_t>(c);
  if (byte < 0x20 || byte == 0x7F) {
    out += fmt::format("\\u{:04x}", byte);
  } else {
    out += c;
  }
}

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const size_t length = Utf8SequenceBytes(text);
    if (length == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    if (length == 1) {
      AppendAsciiEscaped(out, text[0]);
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  out += '"';
}

std::string UtcTimestamp(int64_t wall_ms) {
  const int64_t millis = (wall_ms % 1000 + 1000) % 1000;
  const auto whole_seconds = static_cast<std::time_t>((wall_ms - millis) / 1000);
  std::tm utc{};
  gmtime_r(&whole_seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, millis);
}

}  // namespace

std::string JsonLogLine(int64_t wall_ms, LogLevel level, std::string_view node,
                        std::string_view message) {
  std::string line;
  line.reserve(message.size() + node.size() + 80);
  line += fmt::format(R"({{"ts":"{}","level":"{}","node":)", UtcTimestamp(wall_ms),
                      LogLevelName(level));
  AppendJsonString(line, node);
  line += R"(,"msg":)";
  AppendJsonString(line, message);
  line += '}';
  return line;
}

}  // namespace soliton

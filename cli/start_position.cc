#include "cli/start_position.h"

#include <fmt/format.h>

#include <ctime>
#include <set>
#include <string>

#include "config/units.h"

namespace soliton::cli {
namespace {

constexpr int64_t kMaxPartition = 1000000;

absl::Status BadFrom(std::string_view text) {
  return absl::InvalidArgumentError(fmt::format(
      "'{}' is no start: expected start, end, -5m, -100, @OFFSET or @2026-01-31T12:00", text));
}

bool AllDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Takes `digits` digits off the front of `text`.
bool TakeNumber(std::string_view& text, size_t digits, int least, int most, int& value) {
  if (text.size() < digits || !AllDigits(text.substr(0, digits))) return false;
  value = 0;
  for (size_t i = 0; i < digits; ++i) value = value * 10 + (text[i] - '0');
  text.remove_prefix(digits);
  return value >= least && value <= most;
}

bool Take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

absl::StatusOr<int64_t> ParseIsoTime(std::string_view text) {
  const auto bad = [original = text] {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is no time: expected 2026-01-31 or 2026-01-31T12:00:00 (UTC)", original));
  };
  std::string_view rest = text;
  if (!rest.empty() && rest.back() == 'Z') rest.remove_suffix(1);
  int year, month, day, hour = 0, minute = 0, second = 0, millisecond = 0;
  if (!TakeNumber(rest, 4, 1970, 9999, year) || !Take(rest, '-') ||
      !TakeNumber(rest, 2, 1, 12, month) || !Take(rest, '-') || !TakeNumber(rest, 2, 1, 31, day)) {
    return bad();
  }
  if (!rest.empty()) {
    if (!Take(rest, 'T') && !Take(rest, ' ')) return bad();
    if (!TakeNumber(rest, 2, 0, 23, hour) || !Take(rest, ':') ||
        !TakeNumber(rest, 2, 0, 59, minute)) {
      return bad();
    }
    if (Take(rest, ':') && !TakeNumber(rest, 2, 0, 59, second)) return bad();
    if (Take(rest, '.') && !TakeNumber(rest, 3, 0, 999, millisecond)) return bad();
    if (!rest.empty()) return bad();
  }
  std::tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  const std::time_t seconds_since_epoch = timegm(&parts);
  if (parts.tm_mday != day) return bad();  // the 31st of February
  return int64_t{seconds_since_epoch} * 1000 + millisecond;
}

absl::StatusOr<FromOption> ParseFrom(std::string_view text, int64_t now_ms) {
  using consumer::StartPosition;
  if (text == "start" || text == "beginning" || text == "earliest") {
    return FromOption{StartPosition::Earliest()};
  }
  if (text == "end" || text == "latest") return FromOption{StartPosition::Latest()};
  if (text.starts_with("-")) {
    const std::string_view amount = text.substr(1);
    if (AllDigits(amount)) {
      const auto count = config::ParseInteger(amount);
      if (!count.ok() || *count == 0) return BadFrom(text);
      return FromOption{StartPosition::Latest(), *count};
    }
    const auto back = config::ParseDuration(amount);
    if (!back.ok() || *back < Duration::zero()) return BadFrom(text);
    const int64_t back_ms = std::chrono::duration_cast<milliseconds>(*back).count();
    return FromOption{StartPosition::Timestamp(std::max<int64_t>(0, now_ms - back_ms))};
  }
  const std::string_view point = text.starts_with("@") ? text.substr(1) : text;
  if (AllDigits(point)) {
    const auto offset = config::ParseInteger(point);
    if (!offset.ok()) return BadFrom(text);
    return FromOption{StartPosition::Offset(*offset)};
  }
  if (!text.starts_with("@")) return BadFrom(text);
  const auto time = ParseIsoTime(point);
  if (!time.ok()) return time.status();
  return FromOption{StartPosition::Timestamp(*time)};
}

absl::StatusOr<std::vector<int32_t>> ParsePartitions(std::string_view text) {
  const auto bad = [text] {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is no list of partitions: expected for instance 0,2,5-7", text));
  };
  std::set<int32_t> partitions;
  std::string_view rest = text;
  while (true) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view part = rest.substr(0, comma);
    const size_t dash = std::min(part.find('-'), part.size());
    if (!AllDigits(part.substr(0, dash))) return bad();
    const auto first = config::ParseInteger(part.substr(0, dash));
    auto last = first;
    if (dash < part.size()) {
      if (!AllDigits(part.substr(dash + 1))) return bad();
      last = config::ParseInteger(part.substr(dash + 1));
    }
    if (!first.ok() || !last.ok() || *first > *last || *last > kMaxPartition) return bad();
    for (int64_t i = *first; i <= *last; ++i) partitions.insert(static_cast<int32_t>(i));
    if (comma == rest.size()) break;
    rest.remove_prefix(comma + 1);
  }
  return std::vector<int32_t>(partitions.begin(), partitions.end());
}

}  // namespace soliton::cli

#include "config/units.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <span>

namespace soliton::config {
namespace {

struct UnitName {
  std::string_view name;
  int64_t factor;
};

constexpr int64_t kSecondNs = 1'000'000'000;

// Largest first, so that formatting takes the first that divides. Weeks are read, but not written:
// 7d says more than 1w.
constexpr UnitName kDurationUnits[] = {
    {"d", 86400 * kSecondNs},
    {"h", 3600 * kSecondNs},
    {"m", 60 * kSecondNs},
    {"s", kSecondNs},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
};
constexpr UnitName kOtherDurationUnits[] = {{"w", 7 * 86400 * kSecondNs}};

constexpr UnitName kByteUnits[] = {
    {"TiB", int64_t{1} << 40},
    {"GiB", int64_t{1} << 30},
    {"MiB", int64_t{1} << 20},
    {"KiB", int64_t{1} << 10},
    {"B", 1},
};

constexpr UnitName kOtherByteUnits[] = {
    {"T", int64_t{1} << 40}, {"G", int64_t{1} << 30}, {"M", int64_t{1} << 20},
    {"K", int64_t{1} << 10}, {"k", int64_t{1} << 10}, {"TB", 1'000'000'000'000},
    {"GB", 1'000'000'000},   {"MB", 1'000'000},       {"KB", 1'000},
    {"kB", 1'000},
};

const UnitName* FindUnit(std::span<const UnitName> units, std::string_view name) {
  for (const UnitName& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

struct NumberAndUnit {
  std::string_view number;
  std::string_view unit;
};

NumberAndUnit Split(std::string_view text) {
  text = Trim(text);
  const size_t end = text.find_first_not_of("+-0123456789.");
  if (end == std::string_view::npos) return {text, {}};
  return {Trim(text.substr(0, end)), Trim(text.substr(end))};
}

// number x factor, exactly when the number is whole, else rounded; nullopt when malformed or out of
// range.
std::optional<int64_t> Scale(std::string_view number, int64_t factor) {
  if (absl::StatusOr<int64_t> whole = ParseInteger(number); whole.ok()) {
    int64_t product = 0;
    if (__builtin_mul_overflow(*whole, factor, &product)) return std::nullopt;
    return product;
  }
  absl::StatusOr<double> real = ParseDouble(number);
  if (!real.ok()) return std::nullopt;
  const double product = std::round(*real * static_cast<double>(factor));
  if (!(std::abs(product) < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(product);
}

template <typename T>
absl::StatusOr<T> ParseNumber(std::string_view text, std::string_view what) {
  T value{};
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return absl::InvalidArgumentError(fmt::format("expected {}", what));
  }
  return value;
}

std::string FormatWithUnit(int64_t value, std::span<const UnitName> units) {
  if (value == 0) return fmt::format("0{}", units.back().name);
  for (const UnitName& unit : units) {
    if (value % unit.factor == 0) return fmt::format("{}{}", value / unit.factor, unit.name);
  }
  return fmt::format("{}", value);
}

}  // namespace

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\f";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

absl::StatusOr<int64_t> ParseInteger(std::string_view text) {
  return ParseNumber<int64_t>(text, "a whole number");
}

absl::StatusOr<double> ParseDouble(std::string_view text) {
  absl::StatusOr<double> value = ParseNumber<double>(text, "a number");
  if (value.ok() && !std::isfinite(*value)) return absl::InvalidArgumentError("expected a number");
  return value;
}

absl::StatusOr<Duration> ParseDuration(std::string_view text) {
  const auto [number, unit_name] = Split(text);
  if (unit_name.empty() && number == "0") return Duration::zero();
  const UnitName* unit = FindUnit(kDurationUnits, unit_name);
  if (unit == nullptr) unit = FindUnit(kOtherDurationUnits, unit_name);
  const std::optional<int64_t> nanoseconds =
      unit != nullptr ? Scale(number, unit->factor) : std::nullopt;
  if (!nanoseconds.has_value()) {
    return absl::InvalidArgumentError(
        "expected a duration such as 500ms, 30s, 15m, 12h or 7d (units: ns us ms s m h d w)");
  }
  return Duration(*nanoseconds);
}

absl::StatusOr<int64_t> ParseByteCount(std::string_view text) {
  const auto [number, unit_name] = Split(text);
  const UnitName* unit = FindUnit(kByteUnits, unit_name.empty() ? "B" : unit_name);
  if (unit == nullptr) unit = FindUnit(kOtherByteUnits, unit_name);
  const std::optional<int64_t> bytes = unit != nullptr ? Scale(number, unit->factor) : std::nullopt;
  if (!bytes.has_value() || *bytes < 0) {
    return absl::InvalidArgumentError(
        "expected a size such as 4096, 64KiB, 10MiB or 1GiB (KiB MiB GiB TiB, or kB MB GB TB)");
  }
  return *bytes;
}

std::string FormatDuration(Duration duration) {
  return FormatWithUnit(duration.count(), kDurationUnits);
}

std::string FormatByteCount(int64_t bytes) { return FormatWithUnit(bytes, kByteUnits); }

}  // namespace soliton::config

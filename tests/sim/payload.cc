#include "tests/sim/payload.h"

#include <charconv>

namespace soliton::sim {
namespace {

char PaddingOf(const RecordName& name) {
  return static_cast<char>('a' + (name.producer * 7 + name.number) % 26);
}

template <typename T>
bool TakeNumber(std::string_view& text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size() || *end != ':') return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  return true;
}

}  // namespace

std::string MakePayload(const PartitionName& partition, const RecordName& name, size_t bytes) {
  std::string value =
      fmt::format("{}:{}:{}:{}:", name.producer, name.number, partition.partition, partition.topic);
  if (value.size() < bytes) value.resize(bytes, PaddingOf(name));
  return value;
}

absl::StatusOr<RecordName> ParsePayload(const PartitionName& partition, std::string_view value) {
  const std::string_view whole = value.substr(0, 60);
  auto damaged = [&] {
    return absl::DataLossError(
        fmt::format("{}: no record of ours: '{}'", partition.ToString(), whole));
  };
  RecordName name;
  int32_t number = -1;
  if (!TakeNumber(value, name.producer) || !TakeNumber(value, name.number) ||
      !TakeNumber(value, number)) {
    return damaged();
  }
  const size_t colon = value.find(':');
  if (colon == std::string_view::npos) return damaged();
  if (number != partition.partition || value.substr(0, colon) != partition.topic) return damaged();
  value.remove_prefix(colon + 1);
  if (value.find_first_not_of(PaddingOf(name)) != std::string_view::npos) return damaged();
  return name;
}

}  // namespace soliton::sim

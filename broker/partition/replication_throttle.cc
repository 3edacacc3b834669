#include "broker/partition/replication_throttle.h"

#include <charconv>

namespace soliton::broker {
namespace {

bool ParseNumber(std::string_view text, int32_t* number) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, *number);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

std::string_view Trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

ThrottledReplicas::ThrottledReplicas(std::string_view text) {
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view word = Trimmed(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (word == "*") all_ = true;
    const size_t colon = word.find(':');
    if (colon == std::string_view::npos) continue;
    int32_t partition = -1;
    int32_t broker_id = -1;
    if (ParseNumber(word.substr(0, colon), &partition) &&
        ParseNumber(word.substr(colon + 1), &broker_id)) {
      named_.emplace(partition, broker_id);
    }
  }
}

}  // namespace soliton::broker

#include "segment/checkpoint_file.h"

#include <fmt/format.h>

#include <charconv>

namespace soliton::segment {
namespace {

// Next line without its end ("\n" or "\r\n"); false when the text is used up.
bool NextLine(std::string_view* text, std::string_view* line) {
  if (text->empty()) return false;
  const size_t end = text->find('\n');
  *line = text->substr(0, end);
  *text = end == std::string_view::npos ? std::string_view() : text->substr(end + 1);
  while (!line->empty() && line->back() == '\r') line->remove_suffix(1);
  return true;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool ParseNumber(std::string_view text, int64_t* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

std::vector<std::string_view> SplitFields(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const size_t end = line.find(' ');
    fields.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return fields;
    line.remove_prefix(end + 1);
  }
}

std::string EncodeCheckpoint(const std::vector<std::string>& entries) {
  std::string text = fmt::format("0\n{}\n", entries.size());
  for (const std::string& entry : entries) {
    text += entry;
    text += '\n';
  }
  return text;
}

absl::StatusOr<std::vector<std::string>> ParseCheckpoint(std::string_view text) {
  std::string_view line;
  int64_t version = 0;
  if (!NextLine(&text, &line) || !ParseNumber(line, &version)) {
    return absl::DataLossError("line 1 should hold the format version");
  }
  if (version != 0) {
    return absl::DataLossError(fmt::format("unknown format version {}, expected 0", version));
  }
  int64_t count = 0;
  if (!NextLine(&text, &line) || !ParseNumber(line, &count) || count < 0) {
    return absl::DataLossError("line 2 should hold the number of entries");
  }
  std::vector<std::string> entries;
  while (NextLine(&text, &line)) {
    if (line.empty())
      return absl::DataLossError(fmt::format("line {} is empty", entries.size() + 3));
    entries.emplace_back(line);
  }
  if (static_cast<int64_t>(entries.size()) != count) {
    return absl::DataLossError(
        fmt::format("line 2 announces {} entries, there are {}", count, entries.size()));
  }
  return entries;
}

std::string EncodePartitionMetadata(const Uuid& topic_id) {
  return fmt::format("version: 0\ntopic_id: {}\n", topic_id.ToString());
}

absl::StatusOr<Uuid> ParsePartitionMetadata(std::string_view text) {
  std::string_view line;
  bool has_version = false;
  std::optional<Uuid> topic_id;
  while (NextLine(&text, &line)) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = Trim(line.substr(0, colon));
    const std::string_view value = Trim(line.substr(colon + 1));
    if (key == "version") {
      if (value != "0") {
        return absl::DataLossError(fmt::format("unknown version '{}', expected 0", value));
      }
      has_version = true;
    } else if (key == "topic_id") {
      topic_id = Uuid::Parse(value);
      if (!topic_id) return absl::DataLossError(fmt::format("'{}' is no topic id", value));
    }
  }
  if (!has_version) return absl::DataLossError("no version");
  if (!topic_id || topic_id->is_zero()) return absl::DataLossError("no topic_id");
  return *topic_id;
}

std::string EncodeProperties(const std::map<std::string, std::string>& values) {
  std::string text;
  for (const auto& [key, value] : values) text += fmt::format("{}={}\n", key, value);
  return text;
}

absl::StatusOr<std::map<std::string, std::string>> ParseProperties(std::string_view text) {
  std::map<std::string, std::string> values;
  std::string_view line;
  for (int number = 1; NextLine(&text, &line); ++number) {
    line = Trim(line);
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      return absl::DataLossError(fmt::format("line {} should be key=value", number));
    }
    values[std::string(Trim(line.substr(0, equals)))] = std::string(Trim(line.substr(equals + 1)));
  }
  return values;
}

}  // namespace soliton::segment

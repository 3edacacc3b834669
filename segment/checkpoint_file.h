// Kafka's small text files. Text in, values out: pure, no files. Parsers take bytes that may be
// damaged: an error says what is wrong, and the caller adds the path.
//   checkpoint          line 1: format version (0); line 2: number of entries; then one entry per
//                       line, fields separated by one space: leader-epoch-checkpoint has "epoch
//                       start_offset", replication-offset-checkpoint "topic partition offset"
//   partition.metadata  "version: 0" and "topic_id: <uuid>"
//   properties          "key=value" lines, '#' comments (meta.properties)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/uuid.h"

namespace soliton::segment {

// Entries as written, without line ends.
std::string EncodeCheckpoint(const std::vector<std::string>& entries);
// kDataLoss when the version is unknown, the count lies or a line is empty.
absl::StatusOr<std::vector<std::string>> ParseCheckpoint(std::string_view text);

std::string EncodePartitionMetadata(const Uuid& topic_id);
absl::StatusOr<Uuid> ParsePartitionMetadata(std::string_view text);

std::string EncodeProperties(const std::map<std::string, std::string>& values);
absl::StatusOr<std::map<std::string, std::string>> ParseProperties(std::string_view text);

// Splits at single spaces; "a  b" has an empty field in the middle.
std::vector<std::string_view> SplitFields(std::string_view line);
// The whole text as one decimal number.
bool ParseNumber(std::string_view text, int64_t* value);

}  // namespace soliton::segment

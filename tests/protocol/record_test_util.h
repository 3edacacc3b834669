// Shared by the record tests: hex, random payloads and random records.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/record/batch_builder.h"
#include "protocol/record/record_batch.h"
#include "runtime/base/buffer.h"
#include "runtime/base/random.h"

namespace soliton::kafka {

inline Buffer FromHex(std::string_view hex) {
  Buffer bytes = Buffer::Allocate(hex.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes.mutable_data()[i] =
        static_cast<uint8_t>(std::stoi(std::string(hex.substr(2 * i, 2)), nullptr, 16));
  }
  return bytes;
}

// A copy whose storage nobody else sees, for tests that damage bytes.
inline Buffer Clone(const Buffer& buffer) { return Buffer::CopyOf(buffer.span()); }

// Compressible text with some noise.
inline std::string RandomText(Random& random, size_t size_bytes) {
  std::string text;
  while (text.size() < size_bytes) {
    if (random.Chance(1, 4)) {
      text += static_cast<char>(random.Below(256));
    } else {
      text += "the quick brown fox ";
    }
  }
  text.resize(size_bytes);
  return text;
}

struct OwnedRecord {
  int64_t timestamp_ms = 0;
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;

  friend bool operator==(const OwnedRecord&, const OwnedRecord&) = default;
};

inline std::optional<std::string> RandomNullable(Random& random, size_t max_bytes) {
  if (random.Chance(1, 5)) return std::nullopt;
  return RandomText(random, random.Below(max_bytes + 1));
}

inline OwnedRecord RandomRecord(Random& random, size_t max_value_bytes) {
  OwnedRecord record{.timestamp_ms = random.Chance(1, 10)
                                         ? static_cast<int64_t>(random.Next())
                                         : random.Between(1'700'000'000'000, 1'700'000'100'000),
                     .key = RandomNullable(random, 20),
                     .value = RandomNullable(random, max_value_bytes)};
  for (uint64_t i = random.Below(4); i > 0; --i) {
    record.headers.emplace_back(RandomText(random, random.Below(8)), RandomNullable(random, 12));
  }
  return record;
}

inline void AppendTo(BatchBuilder& builder, const OwnedRecord& record) {
  std::vector<RecordHeader> headers;
  for (const auto& [key, value] : record.headers) headers.push_back({key, value});
  builder.Append(record.timestamp_ms, record.key, record.value, headers);
}

inline OwnedRecord Own(const RecordBatchHeader& batch, const Record& record) {
  OwnedRecord owned{.timestamp_ms = TimestampOf(batch, record)};
  if (record.key.has_value()) owned.key = std::string(*record.key);
  if (record.value.has_value()) owned.value = std::string(*record.value);
  for (const RecordHeader& header : record.headers) {
    std::optional<std::string> value;
    if (header.value.has_value()) value = std::string(*header.value);
    owned.headers.emplace_back(std::string(header.key), std::move(value));
  }
  return owned;
}

// Every record of `batch`, or the error that ends the walk.
inline absl::StatusOr<std::vector<OwnedRecord>> ReadAll(const RecordBatchView& batch,
                                                        size_t max_output_bytes = 1 << 26) {
  absl::StatusOr<RecordIterator> iterator = RecordIterator::Open(batch, max_output_bytes);
  if (!iterator.ok()) return iterator.status();
  std::vector<OwnedRecord> records;
  Record record;
  while (true) {
    absl::StatusOr<bool> more = iterator->Next(record);
    if (!more.ok()) return more.status();
    if (!*more) return records;
    records.push_back(Own(batch, record));
  }
}

}  // namespace soliton::kafka

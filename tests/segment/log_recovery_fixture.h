// A log of small segments whose files are spoiled between two starts.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/segment/log_fixture.h"

namespace soliton::segment {

class LogRecoveryTest : public LogTest {
 protected:
  LogRecoveryTest() {
    options.segment_bytes = 1000;
    options.index_interval_bytes = 150;
  }
  void Fill(int count, int32_t leader_epoch = 1) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(Append({.records = 2, .value = std::string(60, 'x')}, leader_epoch).error,
                kafka::ErrorCode::NONE);
    }
  }
  std::string LogName(int64_t base_offset) const {
    return PathOf(fmt::format("{:020}.log", base_offset));
  }
  std::vector<std::string> Names(std::string_view suffix) const {
    std::vector<std::string> names;
    const auto entries = fs.List(directory);
    for (const DirectoryEntry& entry : *entries) {
      if (entry.name.ends_with(suffix)) names.push_back(entry.name);
    }
    return names;
  }
  // As rot, a foreign tool or an old backup leaves it; durable at once.
  void Overwrite(const std::string& path, std::string_view content) {
    ASSERT_TRUE(WriteFileAtomically(fs, path, content).ok());
  }
  void Remove(const std::string& path) {
    ASSERT_TRUE(fs.Remove(path).ok());
    ASSERT_TRUE(fs.SyncDirectory(directory).ok());
  }
};

}  // namespace soliton::segment

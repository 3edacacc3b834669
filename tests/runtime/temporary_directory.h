// A folder of its own for one test, removed afterwards.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "runtime/base/check.h"
#include "runtime/base/uuid.h"
#include "runtime/file/posix_file_system.h"
#include "runtime/process.h"

namespace soliton {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = JoinPath(testing::TempDir(), fmt::format("soliton-{}-{}-{}", test->test_suite_name(),
                                                     test->name(), ProcessId()));
    CHECK(fs_.RemoveTree(path_).ok(), "cannot clear {}", path_);
    CHECK(fs_.CreateDirectories(path_).ok(), "cannot create {}", path_);
  }
  ~TemporaryDirectory() { fs_.RemoveTree(path_).IgnoreError(); }

  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return JoinPath(path_, name); }

 private:
  PosixFileSystem fs_;
  std::string path_;
};

}  // namespace soliton

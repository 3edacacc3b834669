// What is wrong with a configuration: all of it, not just the first, and each thing once. Rendered
// as
//   error: unknown setting 'log.retention.hour'
//     at: broker.toml:7:1
//       7 | log.retention.hour = "7d"
//         | ^^^^^^^^^^^^^^^^^^ did you mean 'log.retention.hours' or 'log.retention.ms'?
// One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "config/location.h"

namespace soliton::config {

struct Diagnostic {
  enum class Severity { kError, kWarning };
  Severity severity = Severity::kError;
  std::string message;
  std::optional<Location> location;
  std::string note;  // why, or what to do; beside the carets or the position

  std::string ToString() const;
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

class Diagnostics {
 public:
  void Error(std::string message, std::optional<Location> location = std::nullopt,
             std::string note = "");
  void Warning(std::string message, std::optional<Location> location = std::nullopt,
               std::string note = "");

  const std::vector<Diagnostic>& all() const { return all_; }
  int error_count() const { return error_count_; }
  int warning_count() const { return static_cast<int>(all_.size()) - error_count_; }
  bool ok() const { return error_count_ == 0; }

  // Every diagnostic, errors first, else in the order found. Empty when there are none.
  std::string Render() const;
  // "1 error, 2 warnings".
  std::string CountText() const;
  // OK without errors; else kInvalidArgument with the first error's message.
  absl::Status ToStatus() const;

 private:
  void Add(Diagnostic diagnostic);

  std::vector<Diagnostic> all_;
  int error_count_ = 0;
};

}  // namespace soliton::config

#include "config/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::config {
namespace {

std::string Counted(int count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

// The source line with carets below. Tabs become one blank, so that the columns agree.
std::string Excerpt(const Location& location, std::string_view note) {
  std::string line = location.line_text;
  std::replace(line.begin(), line.end(), '\t', ' ');
  const std::string number = fmt::format("{:>5}", location.line);
  const std::string carets(static_cast<size_t>(std::max(1, location.width)), '^');
  return fmt::format("{} | {}\n{:>{}} | {:>{}}{}{}{}\n", number, line, "", number.size(), "",
                     location.column - 1, carets, note.empty() ? "" : " ", note);
}

}  // namespace

std::string Diagnostic::ToString() const {
  std::string text =
      fmt::format("{}: {}\n", severity == Severity::kError ? "error" : "warning", message);
  if (!location.has_value()) {
    if (!note.empty()) text += fmt::format("  hint: {}\n", note);
    return text;
  }
  const bool has_excerpt = severity == Severity::kError && location->line > 0;
  const bool note_beside_position = !has_excerpt && !note.empty();
  text += fmt::format("  at: {}{}{}\n", location->ToString(), note_beside_position ? "   " : "",
                      note_beside_position ? note : "");
  if (has_excerpt) text += Excerpt(*location, note);
  return text;
}

void Diagnostics::Error(std::string message, std::optional<Location> location, std::string note) {
  Add({Diagnostic::Severity::kError, std::move(message), std::move(location), std::move(note)});
}

void Diagnostics::Warning(std::string message, std::optional<Location> location, std::string note) {
  Add({Diagnostic::Severity::kWarning, std::move(message), std::move(location), std::move(note)});
}

// Both roles of a process check what they share.
void Diagnostics::Add(Diagnostic diagnostic) {
  if (std::find(all_.begin(), all_.end(), diagnostic) != all_.end()) return;
  if (diagnostic.severity == Diagnostic::Severity::kError) ++error_count_;
  all_.push_back(std::move(diagnostic));
}

std::string Diagnostics::Render() const {
  std::string errors, warnings;
  for (const Diagnostic& diagnostic : all_) {
    (diagnostic.severity == Diagnostic::Severity::kError ? errors : warnings) +=
        diagnostic.ToString();
  }
  return errors + warnings;
}

std::string Diagnostics::CountText() const {
  return fmt::format("{}, {}", Counted(error_count(), "error"),
                     Counted(warning_count(), "warning"));
}

absl::Status Diagnostics::ToStatus() const {
  for (const Diagnostic& diagnostic : all_) {
    if (diagnostic.severity == Diagnostic::Severity::kError) {
      return absl::InvalidArgumentError(diagnostic.message);
    }
  }
  return absl::OkStatus();
}

}  // namespace soliton::config

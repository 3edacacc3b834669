#include "segment/verify/finding.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::segment {

std::string_view KindName(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::kDamaged:
      return "damaged";
    case Finding::Kind::kTornTail:
      return "torn-tail";
    case Finding::Kind::kNote:
      return "note";
  }
  return "";
}

std::string ToText(const Finding& finding) {
  std::string text = fmt::format("{}: {}", KindName(finding.kind), finding.path);
  if (finding.position >= 0) text += fmt::format(" at byte {}", finding.position);
  if (finding.offset >= 0) text += fmt::format(" (offset {})", finding.offset);
  return text + ": " + finding.what;
}

const Finding* FirstDamage(const std::vector<Finding>& findings) {
  const auto found = std::find_if(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.kind == Finding::Kind::kDamaged;
  });
  return found == findings.end() ? nullptr : &*found;
}

}  // namespace soliton::segment

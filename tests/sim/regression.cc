#include "tests/sim/regression.h"

#include <fmt/format.h>

#include <charconv>

namespace soliton::sim {
namespace {

constexpr std::string_view kSeed = "seed ";
constexpr std::string_view kViolated = "violated ";

std::string_view TakeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

}  // namespace

std::string Regression::ToString() const {
  std::string text = fmt::format("{}{}\n{}{}\n\nplan\n{}\n\nstrikes\n", kSeed, seed, kViolated,
                                 violated, plan.ToString());
  for (const Strike& strike : strikes) text += strike.ToString() + "\n";
  text += "\nchart\n";
  for (const std::string& line : chart) text += line + "\n";
  return text;
}

absl::StatusOr<Regression> Regression::Parse(std::string_view text) {
  Regression out;
  std::string plan;
  std::string_view section;
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    if (line.empty()) continue;
    if (line == "plan" || line == "strikes" || line == "chart") {
      section = line;
    } else if (section.empty() && line.starts_with(kSeed)) {
      const std::string_view number = line.substr(kSeed.size());
      const auto [end, error] =
          std::from_chars(number.data(), number.data() + number.size(), out.seed);
      if (error != std::errc()) return absl::InvalidArgumentError("bad seed");
    } else if (section.empty() && line.starts_with(kViolated)) {
      out.violated = line.substr(kViolated.size());
    } else if (section == "plan") {
      plan += fmt::format("{}\n", line);
    } else if (section == "strikes") {
      auto strike = Strike::Parse(line);
      if (!strike.ok()) return strike.status();
      out.strikes.push_back(*strike);
    } else if (section != "chart") {
      return absl::InvalidArgumentError(fmt::format("no part of a regression: '{}'", line));
    }
  }
  auto parsed = ClusterPlan::Parse(plan);
  if (!parsed.ok()) return parsed.status();
  out.plan = *parsed;
  return out;
}

SimulationOptions Regression::Options() const {
  SimulationOptions options;
  options.plan = plan;
  options.strikes = strikes;
  return options;
}

}  // namespace soliton::sim

// A run that violated an invariant, as a file: seed, whole plan, strikes, what was violated, and a
// chart for people. Kept in regressions/ once shrunk, and replayed by the tests: it must pass.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/sim/cluster_plan.h"
#include "tests/sim/simulation.h"

namespace soliton::sim {

struct Regression {
  uint64_t seed = 0;
  std::string violated;
  ClusterPlan plan;
  std::vector<Strike> strikes;
  std::vector<std::string> chart;

  std::string ToString() const;
  // The chart is not read back.
  static absl::StatusOr<Regression> Parse(std::string_view text);
  SimulationOptions Options() const;
};

}  // namespace soliton::sim

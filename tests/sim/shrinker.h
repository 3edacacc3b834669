// Makes a failing run small: fewer strikes, a smaller cluster, a shorter phase, as long as the same
// invariant is violated. Each attempt is a run of its own; their number is bounded.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tests/sim/regression.h"

namespace soliton::sim {

class Shrinker {
 public:
  explicit Shrinker(int max_runs) : runs_left_(max_runs) {}

  // Nullopt when the seed, with the plan that it draws or this one, does not fail.
  std::optional<Regression> Shrink(uint64_t seed, std::optional<ClusterPlan> plan = std::nullopt);
  int64_t runs() const { return runs_; }

 private:
  // Runs it; when the same invariant is violated it becomes the best one.
  bool Try(const Regression& candidate);
  void DropLastStrikes();
  // Leaves out ever smaller pieces of the list of strikes (delta debugging).
  void DropStrikes();
  void SimplifyPlan();

  int runs_left_;
  int64_t runs_ = 0;
  std::string invariant_;
  Regression best_;
};

// "3: leader completeness" of "3: leader completeness: t0-0: ...".
std::string InvariantOf(const std::string& violated);

}  // namespace soliton::sim

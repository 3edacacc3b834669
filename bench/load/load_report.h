// A load's figures together with what it cost: the processes' CPU time from before the first
// request until after the last answer.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/load/load_options.h"
#include "runtime/loop/clock.h"

namespace soliton::bench {

struct LoadReport {
  LoadFigures figures;
  std::optional<Duration>
      broker_cpu;  // user and system of all named processes; nullopt: none were named
  Duration own_cpu{};

  double mib_per_second() const;
  double requests_per_second() const;
  double own_cpu_seconds_per_gib() const;
  std::optional<double> broker_cpu_seconds_per_gib() const;
  std::optional<double> broker_cpu_us_per_request() const;
};

// CPU time that this process and others have used since Start().
class CpuMeter {
 public:
  explicit CpuMeter(std::vector<int> pids) : pids_(std::move(pids)) {}

  // kNotFound: one of the processes does not exist (any more).
  absl::Status Start();
  absl::Status Stop();
  std::optional<Duration> others() const;
  Duration own() const { return own_; }

 private:
  absl::StatusOr<Duration> SumOfOthers() const;

  const std::vector<int> pids_;
  Duration own_{};
  Duration others_{};
};

}  // namespace soliton::bench

#include "bench/load/load_report.h"

#include <fmt/format.h>

#include "runtime/process.h"

namespace soliton::bench {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kGiB = 1024.0 * kMiB;

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Zero when nothing was done.
double Per(double amount, double divisor) { return divisor > 0 ? amount / divisor : 0; }

}  // namespace

double LoadReport::mib_per_second() const {
  return Per(static_cast<double>(figures.bytes) / kMiB, Seconds(figures.elapsed));
}

double LoadReport::requests_per_second() const {
  return Per(static_cast<double>(figures.requests), Seconds(figures.elapsed));
}

double LoadReport::own_cpu_seconds_per_gib() const {
  return Per(Seconds(own_cpu), static_cast<double>(figures.bytes) / kGiB);
}

std::optional<double> LoadReport::broker_cpu_seconds_per_gib() const {
  if (!broker_cpu) return std::nullopt;
  return Per(Seconds(*broker_cpu), static_cast<double>(figures.bytes) / kGiB);
}

std::optional<double> LoadReport::broker_cpu_us_per_request() const {
  if (!broker_cpu) return std::nullopt;
  return Per(Seconds(*broker_cpu) * 1e6, static_cast<double>(figures.requests));
}

absl::StatusOr<Duration> CpuMeter::SumOfOthers() const {
  Duration sum{};
  for (const int pid : pids_) {
    const absl::StatusOr<ResourceUsage> usage = UsageOfProcess(pid);
    if (!usage.ok()) return absl::NotFoundError(fmt::format("there is no process {}", pid));
    sum += usage->cpu();
  }
  return sum;
}

absl::Status CpuMeter::Start() {
  const absl::StatusOr<Duration> others = SumOfOthers();
  if (!others.ok()) return others.status();
  const absl::StatusOr<ResourceUsage> own = UsageOfProcess();
  if (!own.ok()) return own.status();
  others_ = -*others;
  own_ = -own->cpu();
  return absl::OkStatus();
}

absl::Status CpuMeter::Stop() {
  const absl::StatusOr<ResourceUsage> own = UsageOfProcess();
  if (!own.ok()) return own.status();
  const absl::StatusOr<Duration> others = SumOfOthers();
  if (!others.ok()) return others.status();
  others_ += *others;
  own_ += own->cpu();
  return absl::OkStatus();
}

std::optional<Duration> CpuMeter::others() const {
  if (pids_.empty()) return std::nullopt;
  return others_;
}

}  // namespace soliton::bench

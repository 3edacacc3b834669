#include "cli/failover_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "bench/failover/summary.h"
#include "bench/failover/timeline.h"
#include "cli/output.h"

namespace soliton::cli {
namespace {

constexpr int kMostBars = 80;
constexpr int kLeastBars = 1;
constexpr int kLabelColumns = 18;  // "acked/s      5,000 "
constexpr int kChartLines = 3;
// The whole height of the latency row at least, so that a calm run shows as one.
constexpr int64_t kLatencyFloorUs = 20'000;

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

std::string RunLine(const bench::RunRecord& run) {
  std::string line = fmt::format("run {:<3}", run.number);
  if (run.fault_at) {
    line += fmt::format(" node {} led {} of {}{}", run.victim, run.led_by_victim, run.partitions,
                        run.victim_led_quorum ? " and the quorum" : "");
    if (const auto hit = run.WorstOutage(true)) {
      line += fmt::format("  unavailable {}", bench::FormatMs(*hit));
    }
    if (const auto others = run.WorstOutage(false)) {
      line += fmt::format("  followed {}", bench::FormatMs(*others));
    }
    for (const bench::PartitionOutage& outage : run.outages) {
      if (!outage.led_by_victim || !outage.parts ||
          outage.length() != run.WorstOutage(/*led_by_victim=*/true)) {
        continue;
      }
      line += fmt::format("  ({} + {} + {} + {})", bench::FormatMs(outage.parts->detection),
                          bench::FormatMs(outage.parts->election),
                          bench::FormatMs(outage.parts->propagation),
                          bench::FormatMs(outage.parts->client));
      break;
    }
  }
  line += fmt::format("  acked {}", bench::FormatCount(run.verdict.acked));
  if (run.verdict.failed > 0) line += fmt::format("  {} FAILED", run.verdict.failed);
  line += fmt::format("  {} lost {} duplicated {} out of order", run.verdict.lost,
                      run.verdict.duplicated, run.verdict.out_of_order);
  return line + (run.ok() ? "" : "  NOT OK") + "\n";
}

void FailoverView::EraseChart() {
  if (!drawn_) return;
  for (int i = 0; i < kChartLines; ++i) out_.Write("\x1b[1A\x1b[2K");
  drawn_ = false;
}

void FailoverView::Draw(const bench::FailoverProgress& progress) {
  const char* green = colour_ ? "\x1b[32m" : "";
  const char* yellow = colour_ ? "\x1b[33m" : "";
  const char* off = colour_ ? "\x1b[0m" : "";
  // The last column stays free: terminals differ in when they wrap.
  const int columns = columns_() - 1;
  const auto bars = static_cast<size_t>(std::clamp(columns - kLabelColumns, kLeastBars, kMostBars));
  const auto& worst = progress.worst_us;
  const auto shown = worst.end() - static_cast<std::ptrdiff_t>(std::min(bars, worst.size()));
  const int64_t highest = shown == worst.end()
                              ? kLatencyFloorUs
                              : std::max(kLatencyFloorUs, *std::max_element(shown, worst.end()));
  out_.Write(
      fmt::format("acked/s  {:>8} {}{}{}\n", HumanCount(progress.target_per_bucket * 10), green,
                  bench::Bars(progress.acked_buckets, bars, progress.target_per_bucket), off));
  out_.Write(fmt::format("worst ms {:>8} {}{}{}\n", highest / 1000, yellow,
                         bench::Bars(worst, bars, highest), off));
  std::string line =
      fmt::format("run {}/{}  {:6.1f} s  sent {}  acked {}  {}", progress.run, progress.runs,
                  Seconds(progress.elapsed), HumanCount(progress.sent), HumanCount(progress.acked),
                  progress.phase);
  line.resize(std::min(line.size(), static_cast<size_t>(std::max(columns, 0))));
  out_.Write(line + "\n");
  drawn_ = true;
}

void FailoverView::OnProgress(const bench::FailoverProgress& progress) {
  last_ = progress;
  if (out_.is_terminal()) {
    EraseChart();
    Draw(progress);
    out_.Flush();
    return;
  }
  if (progress.runs > 1) return;
  const auto second = static_cast<int64_t>(Seconds(progress.elapsed));
  if (progress.phase == "load") {
    if (second == printed_seconds_ || second == 0) return;
    printed_seconds_ = second;
    const auto& buckets = progress.acked_buckets;
    const auto from =
        buckets.end() - static_cast<std::ptrdiff_t>(std::min<size_t>(10, buckets.size()));
    out_.Write(fmt::format("{:5} s  acked {:>7}/s  {}\n", second,
                           HumanCount(std::accumulate(from, buckets.end(), int64_t{0})),
                           bench::Bars(buckets, 10, progress.target_per_bucket)));
  } else if (progress.phase != printed_phase_) {
    out_.Write(fmt::format("{:5.1f} s  {}\n", Seconds(progress.elapsed), progress.phase));
  }
  printed_phase_ = progress.phase;
  out_.Flush();
}

void FailoverView::OnEvent(Duration elapsed, const std::string& text) {
  if (!out_.is_terminal() && last_.runs > 1) return;
  EraseChart();
  const char* on = colour_ ? "\x1b[33m" : "";
  const char* off = colour_ ? "\x1b[0m" : "";
  out_.Write(fmt::format("{}{:7.3f} s  {}{}\n", on, Seconds(elapsed), text, off));
  if (out_.is_terminal()) Draw(last_);
  out_.Flush();
}

void FailoverView::OnRun(const bench::RunRecord& run) {
  if (last_.runs < 2) return;
  EraseChart();
  out_.Write(RunLine(run));
  out_.Flush();
}

void FailoverView::End() {
  drawn_ = false;
  out_.Flush();
}

}  // namespace soliton::cli

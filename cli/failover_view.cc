#include "cli/failover_view.h"

#include <fmt/format.h>

#include <numeric>

#include "bench/failover/timeline.h"
#include "cli/output.h"

namespace soliton::cli {
namespace {

constexpr size_t kChartColumns = 100;
constexpr int kChartLines = 2;

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void FailoverView::EraseChart() {
  if (!drawn_) return;
  for (int i = 0; i < kChartLines; ++i) out_.Write("\x1b[1A\x1b[2K");
  drawn_ = false;
}

void FailoverView::Draw(const bench::FailoverProgress& progress) {
  const std::string bars =
      bench::Bars(progress.acked_buckets, kChartColumns, progress.target_per_bucket);
  const char* on = colour_ ? "\x1b[32m" : "";
  const char* off = colour_ ? "\x1b[0m" : "";
  out_.Write(fmt::format("acked per 100 ms (full bar {}) {}{}{}\n", progress.target_per_bucket, on,
                         bars, off));
  out_.Write(fmt::format("{:6.1f} s  sent {}  acked {}  {}\n", Seconds(progress.elapsed),
                         HumanCount(progress.sent), HumanCount(progress.acked), progress.phase));
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
  EraseChart();
  const char* on = colour_ ? "\x1b[33m" : "";
  const char* off = colour_ ? "\x1b[0m" : "";
  out_.Write(fmt::format("{}{:5.1f} s  {}{}\n", on, Seconds(elapsed), text, off));
  if (out_.is_terminal()) Draw(last_);
  out_.Flush();
}

void FailoverView::End() {
  drawn_ = false;
  out_.Flush();
}

}  // namespace soliton::cli

// Shows failover runs while they go on: on a terminal a chart that redraws at 10 Hz, else a plain
// line per second and per event, or per run where there are several. Main thread only.
#pragma once

#include <functional>
#include <string>

#include "bench/failover/failover_run.h"
#include "cli/streams.h"

namespace soliton::cli {

class FailoverView {
 public:
  // `columns`: how wide the terminal is at the moment. A line that wrapped could not be redrawn.
  FailoverView(TextSink& out, bool colour, std::function<int()> columns)
      : out_(out), colour_(colour), columns_(std::move(columns)) {}

  void OnProgress(const bench::FailoverProgress& progress);
  void OnEvent(Duration elapsed, const std::string& text);
  // A run has ended.
  void OnRun(const bench::RunRecord& run);
  // Leaves the last chart standing.
  void End();

 private:
  void Draw(const bench::FailoverProgress& progress);
  void EraseChart();

  TextSink& out_;
  const bool colour_;
  const std::function<int()> columns_;
  bool drawn_ = false;
  bench::FailoverProgress last_;
  int64_t printed_seconds_ = -1;
  std::string printed_phase_;
};

// "run 3  node 2 led 2 of 6  unavailable 36.1 ms  ...": what a run came to, in one line.
std::string RunLine(const bench::RunRecord& run);

}  // namespace soliton::cli

// Histories of a log, as its owner makes them: what crash and fault tests interrupt at every disk
// operation.
#pragma once

#include <span>

#include "tests/segment/log_model.h"

namespace soliton::segment {

struct LogScript {
  const char* name;
  void (*run)(LogModel& log);
};

inline void PrintTo(const LogScript& script, std::ostream* out) { *out << script.name; }

// Each begins with a log that is open and empty. Values are sized for segments of 700 bytes.
std::span<const LogScript> LogScripts();

// Batches of one to three records, most of them of two idempotent producers.
void AppendSome(LogModel& log, int count, int32_t leader_epoch);

inline LogOptions ScriptOptions() {
  LogOptions options;
  options.segment_bytes = 700;
  options.index_interval_bytes = 100;
  options.checkpoint_step_bytes = 300;
  return options;
}

}  // namespace soliton::segment

#include "broker/server/connection_watch.h"

#include <algorithm>

namespace soliton::broker {

ConnectionWatch::Verdict ConnectionWatch::Look(MonotonicTime now, const View& view) {
  const bool frame_too_slow = FrameTooSlow(now, view);
  const bool reader_too_slow = ReaderTooSlow(now, view);
  if (MemoryTooLate(now, view)) return Verdict::kNoMemory;
  const bool busy = view.frames != frames_ || view.in_flight > 0 || view.unsent_bytes > 0 ||
                    view.partial_frame_bytes > 0 || !view.reading;
  frames_ = view.frames;
  if (busy) active_at_ = now;
  if (reader_too_slow) return Verdict::kSlowReader;
  if (frame_too_slow) return Verdict::kSlowFrame;
  if (timeouts_.idle > Duration::zero() && now - active_at_ >= timeouts_.idle) {
    return Verdict::kIdle;
  }
  return Verdict::kKeep;
}

bool ConnectionWatch::FrameTooSlow(MonotonicTime now, const View& view) {
  // What is not read cannot arrive: the time begins anew.
  if (!view.reading || view.partial_frame_bytes == 0) {
    frame_since_.reset();
    return false;
  }
  if (!frame_since_ || view.frames != frames_) {
    frame_since_ = now;
    frame_bytes_before_ = view.partial_frame_bytes;
    return false;
  }
  const Duration elapsed = now - *frame_since_;
  if (elapsed < timeouts_.frame_grace) return false;
  const int64_t wanted = timeouts_.min_frame_bytes_per_second *
                         std::chrono::duration_cast<std::chrono::seconds>(elapsed).count();
  return view.partial_frame_bytes - frame_bytes_before_ < wanted;
}

bool ConnectionWatch::MemoryTooLate(MonotonicTime now, const View& view) {
  if (!view.waits_for_memory || view.frames != frames_) memory_wanted_at_.reset();
  if (!view.waits_for_memory) return false;
  if (!memory_wanted_at_) memory_wanted_at_ = now;
  return now - *memory_wanted_at_ >= timeouts_.frame_grace;
}

bool ConnectionWatch::ReaderTooSlow(MonotonicTime now, const View& view) {
  const int64_t taken = view.queued_bytes - view.unsent_bytes;
  if (view.unsent_bytes == 0 || taken > taken_bytes_) {
    taken_at_ = now;
    taken_bytes_ = std::max(taken, taken_bytes_);
    return false;
  }
  return now - taken_at_ >= timeouts_.no_progress;
}

}  // namespace soliton::broker

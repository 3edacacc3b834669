// When a connection has to go because its peer is too slow, or has gone quiet. Pure: looked at now
// and then (about once a second) with what is to be seen of the connection.
//
// A frame that has begun must make headway, or a few bytes a minute on a thousand connections hold
// a thousand bodies for ever; an answer that nobody takes must not stay; a request for which no
// memory becomes free is of no use once its client has given it up, and must not stand before
// others; a connection with nothing to do goes after connections.max.idle.ms, but never while a
// request is being worked on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "runtime/loop/clock.h"

namespace soliton::broker {

struct ConnectionTimeouts {
  // A frame that is not whole after this long is held to the rate below, over its whole time. Nor
  // does a frame wait longer than this for memory.
  Duration frame_grace = seconds(30);
  int64_t min_frame_bytes_per_second = 1024;
  // Of a peer that has answers to take.
  Duration no_progress = seconds(60);
  Duration idle = seconds(600);  // 0: never
};

class ConnectionWatch {
 public:
  ConnectionWatch(const ConnectionTimeouts& timeouts, MonotonicTime now)
      : timeouts_(timeouts), active_at_(now), taken_at_(now) {}

  struct View {
    bool reading = true;              // not held up by this side
    bool waits_for_memory = false;    // a frame has begun, and there is no room for it
    uint64_t frames = 0;              // delivered so far
    int64_t partial_frame_bytes = 0;  // of the next one
    int64_t queued_bytes = 0;         // answers so far
    int64_t unsent_bytes = 0;
    size_t in_flight = 0;
  };
  enum class Verdict { kKeep, kIdle, kSlowFrame, kSlowReader, kNoMemory };
  Verdict Look(MonotonicTime now, const View& view);

 private:
  bool FrameTooSlow(MonotonicTime now, const View& view);
  bool ReaderTooSlow(MonotonicTime now, const View& view);
  bool MemoryTooLate(MonotonicTime now, const View& view);

  const ConnectionTimeouts timeouts_;
  MonotonicTime active_at_;
  uint64_t frames_ = 0;
  // The unfinished frame: since when it is watched, and what had arrived by then.
  std::optional<MonotonicTime> frame_since_;
  int64_t frame_bytes_before_ = 0;
  std::optional<MonotonicTime> memory_wanted_at_;
  // When the peer last took something.
  MonotonicTime taken_at_;
  int64_t taken_bytes_ = 0;
};

}  // namespace soliton::broker

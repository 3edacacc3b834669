// How far the leader has come with one peer. Plain values.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "runtime/loop/clock.h"

namespace soliton::controller {

struct PeerProgress {
  enum class State : uint8_t {
    kProbe,      // looks for where the logs agree: one question at a time
    kReplicate,  // what is appended is sent at once
    kSnapshot,   // a snapshot is on its way
  };
  State state = State::kProbe;
  int64_t next_offset = 0;        // to send
  int64_t flushed_end = 0;        // the peer has flushed what the leader has, up to here
  bool asked = false;             // kProbe: an answer is due
  std::deque<int64_t> in_flight;  // kReplicate: where the requests end that are not answered
  MonotonicTime snapshot_at{};    // kSnapshot: when it was last asked for
  MonotonicTime answered_at{};    // the last time that it said anything in this epoch
  // The last time that it had flushed all that the leader had.
  std::optional<MonotonicTime> caught_up_at;
};

}  // namespace soliton::controller

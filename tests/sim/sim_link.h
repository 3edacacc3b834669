// One simulated TCP connection: two ends and a pipe each way. Frames of a pipe arrive in the order
// sent, each after a drawn delay. A cut link holds them back (as TCP retransmits) until it heals; a
// receiver that does not read holds them back once its window is full.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "runtime/base/buffer.h"
#include "tests/sim/sim_world.h"

namespace soliton::sim {

class SimConnection;

struct SimPipe {
  struct Item {
    Buffer bytes;
    MonotonicTime arrival;
    bool end_of_stream = false;
  };
  NodeId from = 0;
  NodeId to = 0;
  std::deque<Item> items;         // sent, not arrived
  int64_t undelivered_bytes = 0;  // of `items`, with length prefixes
  MonotonicTime last_arrival{};
  bool event_scheduled = false;
  bool held_by_cut = false;
  bool held_by_window = false;
  bool ended = false;  // nothing more may be sent
  // The sending end broke off (its process died, or a reset was injected): what is in flight is
  // lost and the receiving end is told as soon as a packet can reach it.
  bool reset = false;
};

struct SimLink {
  uint64_t id = 0;
  SimPipe pipes[2];  // pipes[i] carries what end i sends
  std::weak_ptr<SimConnection> ends[2];
  bool stuck = false;    // carries nothing, tells nobody
  std::string names[2];  // "node-1:9092" of each end
};

}  // namespace soliton::sim

// The simulated world: one virtual clock, one seed, one ordered queue of events. Every node,
// connection and disk of a run schedules its work here, so a run is a function of its seed and
// replays exactly.
//
// Owner: the thread that runs the simulation; a world is single-threaded and shares nothing with
// other worlds. Order of events: virtual time, then a tie-break drawn from the seed (a nemesis
// comes first), then order of scheduling. Lifetime: the world outlives the network, which outlives
// the nodes; it is not stepped once nodes are gone. Closures in the queue hold raw pointers into
// those, weak references or ids: never application state, which a crash must be able to destroy
// (see sim_node.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/random.h"
#include "runtime/loop/clock.h"
#include "runtime/loop/shard.h"

namespace soliton::sim {

// Names a node within its world, counted from 1. 0 is the world itself (nemesis, harness).
using NodeId = uint32_t;

enum class EventKind : uint8_t { kTask, kTimer, kDisk, kNetwork, kNemesis, kHarness };

// Who an event belongs to; part of the trace.
struct EventTag {
  NodeId node = 0;
  EventKind kind = EventKind::kHarness;
};

class SimWorld {
 public:
  explicit SimWorld(uint64_t seed);
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  uint64_t seed() const { return seed_; }
  MonotonicTime Now() const { return now_; }
  // The Unix time that a node with an exact wall clock sees.
  int64_t WallMs() const;
  Random& random() { return random_; }
  // A stream of its own, a function of the seed and `purpose`: draws from one purpose do not shift
  // another's.
  Random ForkRandom(std::string_view purpose) const;

  // Times in the past run now.
  void ScheduleAt(MonotonicTime when, EventTag tag, Task run);
  void ScheduleAfter(Duration delay, EventTag tag, Task run) {
    ScheduleAt(now_ + delay, tag, std::move(run));
  }

  // Runs the earliest event. False when there is none or an invariant was violated.
  bool Step();
  // Runs until `done` holds (checked before the first and after every event; then true), or until
  // virtual time would pass `deadline` or an invariant is violated (then false). Without events
  // time jumps to the deadline.
  bool RunUntil(const std::function<bool()>& done, MonotonicTime deadline);
  bool RunUntil(const std::function<bool()>& done, Duration budget) {
    return RunUntil(done, now_ + budget);
  }
  void RunFor(Duration duration);

  // `check` runs after every `every_events`-th event; the first error stops the run.
  void AddInvariant(std::string name, std::function<absl::Status()> check,
                    uint64_t every_events = 1);
  // Reports a violation found elsewhere (a checker fed by callbacks). The first one is kept.
  void Fail(std::string_view invariant, const absl::Status& why);
  // OK, or the first violated invariant with its message.
  const absl::Status& failure() const { return failure_; }

  // Fingerprint of everything that has happened so far, in order.
  uint64_t trace_hash() const { return trace_hash_; }
  void MixTrace(uint64_t value);
  void MixTrace(std::string_view bytes);
  uint64_t event_count() const { return event_count_; }
  // Called after each event; for --verbose and for finding where two runs part.
  void SetEventObserver(std::function<void(EventTag)> observer) {
    event_observer_ = std::move(observer);
  }

  // Runs `look` between events with every shard counting as current, so that a checker may call
  // methods of objects that assert their owner. It must change nothing.
  void Inspect(const std::function<void()>& look);
  bool inspecting() const { return inspecting_; }

  // The shard whose task is running, or null. Set by SimShard only.
  const Shard* current_shard() const { return current_shard_; }
  void set_current_shard(const Shard* shard) { current_shard_ = shard; }

 private:
  struct Key {
    MonotonicTime when;
    uint64_t tie_break;
    uint64_t sequence;
    uint32_t slot;
    friend bool operator>(const Key& a, const Key& b) {
      if (a.when != b.when) return a.when > b.when;
      if (a.tie_break != b.tie_break) return a.tie_break > b.tie_break;
      return a.sequence > b.sequence;
    }
  };
  struct Event {
    EventTag tag;
    Task run;
  };
  struct Invariant {
    std::string name;
    std::function<absl::Status()> check;
    uint64_t every_events;
  };

  void CheckInvariants();

  const uint64_t seed_;
  Random random_;
  MonotonicTime now_;
  std::vector<Key> heap_;     // min-heap by operator>
  std::vector<Event> slots_;  // indexed by Key::slot
  std::vector<uint32_t> free_slots_;
  uint64_t next_sequence_ = 0;
  uint64_t event_count_ = 0;
  uint64_t trace_hash_;
  std::vector<Invariant> invariants_;
  absl::Status failure_;
  std::function<void(EventTag)> event_observer_;
  const Shard* current_shard_ = nullptr;
  bool inspecting_ = false;
};

}  // namespace soliton::sim

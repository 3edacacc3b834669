#include "tests/sim/sim_world.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/check.h"

namespace soliton::sim {
namespace {

// Not zero: a time of zero must not pass for "never" by luck.
constexpr MonotonicTime kStart{seconds(1000)};
constexpr int64_t kWallStartMs = 1'700'000'000'000;
constexpr uint64_t kFnvOffset = 0xcbf29ce484222325ull;
constexpr uint64_t kFnvPrime = 0x100000001b3ull;

uint64_t Fnv1a(std::string_view bytes) {
  uint64_t hash = kFnvOffset;
  for (char c : bytes) hash = (hash ^ static_cast<uint8_t>(c)) * kFnvPrime;
  return hash;
}

// Murmur3's finaliser: every input bit reaches every output bit.
uint64_t Scramble(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdull;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ull;
  return x ^ (x >> 33);
}

}  // namespace

SimWorld::SimWorld(uint64_t seed)
    : seed_(seed), random_(Scramble(seed + 1)), now_(kStart), trace_hash_(Scramble(~seed)) {}

int64_t SimWorld::WallMs() const {
  return kWallStartMs + std::chrono::duration_cast<milliseconds>(now_ - kStart).count();
}

Random SimWorld::ForkRandom(std::string_view purpose) const {
  return Random(Scramble(seed_ ^ Fnv1a(purpose)));
}

void SimWorld::ScheduleAt(MonotonicTime when, EventTag tag, Task run) {
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.push_back(Event{tag, std::move(run)});
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot] = Event{tag, std::move(run)};
  }
  // A nemesis takes no part in the draw: with a strike less everything else goes as before, until
  // the strike is missed.
  const uint64_t tie_break = tag.kind == EventKind::kNemesis ? 0 : random_.Next();
  heap_.push_back(Key{std::max(when, now_), tie_break, next_sequence_++, slot});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
}

bool SimWorld::Step() {
  if (heap_.empty() || !failure_.ok()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
  const Key key = heap_.back();
  heap_.pop_back();
  Event event = std::move(slots_[key.slot]);
  slots_[key.slot].run = nullptr;
  free_slots_.push_back(key.slot);

  now_ = key.when;
  ++event_count_;
  MixTrace(static_cast<uint64_t>(now_.time_since_epoch().count()));
  MixTrace(uint64_t{event.tag.node} << 8 | static_cast<uint64_t>(event.tag.kind));
  event.run();
  event.run = nullptr;
  if (event_observer_) event_observer_(event.tag);
  CheckInvariants();
  return failure_.ok();
}

bool SimWorld::RunUntil(const std::function<bool()>& done, MonotonicTime deadline) {
  for (;;) {
    if (!failure_.ok()) return false;
    if (done()) return true;
    if (heap_.empty() || heap_.front().when > deadline) {
      now_ = std::max(now_, deadline);
      return false;
    }
    Step();
  }
}

void SimWorld::RunFor(Duration duration) {
  RunUntil([] { return false; }, now_ + duration);
}

void SimWorld::AddInvariant(std::string name, std::function<absl::Status()> check,
                            uint64_t every_events) {
  CHECK(every_events > 0);
  invariants_.push_back(Invariant{std::move(name), std::move(check), every_events});
}

void SimWorld::CheckInvariants() {
  for (const Invariant& invariant : invariants_) {
    if (event_count_ % invariant.every_events != 0) continue;
    if (absl::Status status = invariant.check(); !status.ok()) Fail(invariant.name, status);
  }
}

void SimWorld::Inspect(const std::function<void()>& look) {
  CHECK(current_shard_ == nullptr, "inspected from inside a task");
  inspecting_ = true;
  look();
  inspecting_ = false;
}

void SimWorld::Fail(std::string_view invariant, const absl::Status& why) {
  if (!failure_.ok() || why.ok()) return;
  failure_ = absl::Status(why.code(), fmt::format("{}: {}", invariant, std::string(why.message())));
}

void SimWorld::MixTrace(uint64_t value) { trace_hash_ = Scramble(trace_hash_ ^ value) + kFnvPrime; }

void SimWorld::MixTrace(std::string_view bytes) { MixTrace(Fnv1a(bytes)); }

}  // namespace soliton::sim

// Whether a shard may act as leader on its own word, pure. A process that was stopped (SIGSTOP, a
// suspended machine) and goes on still takes itself for the leader it was, while others may lead by
// now. What it acknowledges with acks=all is safe all the same: followers of a newer epoch do not
// count for it. With acks=1 and 0 nobody else is asked, so a shard that has not run for as long as
// the controller needs to give its partitions away acknowledges nothing in that way before a
// controller has answered a question asked after the pause (S62).
//
// Without any controller brokers keep serving what they lead, so a lease that ends by itself will
// not do: what counts is how long this shard did not run, and after `patience` without an answer it
// goes on as before. One owner.
#pragma once

#include <cstdint>
#include <functional>

#include "runtime/loop/clock.h"

namespace soliton::broker {

class PauseWatch {
 public:
  // What a controller grants to the brokers that are registered with it.
  struct Grant {
    Duration grace{};     // who does not answer keeps its leaderships at least so long; 0: unknown
    Duration patience{};  // no answer for so long: there is no controller
  };

  // `ask` asks a controller for an answer that proves that it leads; OnConfirmed is told of it once
  // this shard has everything that was decided before, with the number that `ask` was given.
  explicit PauseWatch(std::function<void(uint64_t doubt)> ask) : ask_(std::move(ask)) {}

  void OnGrant(const Grant& grant, MonotonicTime now);
  // To be called at least this often; zero: never.
  Duration look_interval() const { return grant_.grace / 4; }
  // The shard runs.
  void Look(MonotonicTime now);
  void OnConfirmed(uint64_t doubt, MonotonicTime now);

  // One comparison as long as all is well.
  bool MayActAlone(MonotonicTime now) {
    if (now < sure_until_) [[likely]] {
      return true;
    }
    Look(now);
    return !in_doubt_;
  }
  // Whether it was noticed at `since` or later that this shard had not run.
  bool HasPausedSince(MonotonicTime since, MonotonicTime now) {
    MayActAlone(now);
    return doubt_ > 0 && doubt_since_ >= since;
  }

 private:
  // Less than the grace: it began when the controller heard this broker last, before the last look.
  Duration longest_gap() const { return grant_.grace / 4 * 3; }

  std::function<void(uint64_t)> ask_;
  Grant grant_;
  MonotonicTime last_look_{};
  MonotonicTime sure_until_ = MonotonicTime::max();
  bool in_doubt_ = false;
  uint64_t doubt_ = 0;  // counts them
  MonotonicTime doubt_since_{};
};

}  // namespace soliton::broker

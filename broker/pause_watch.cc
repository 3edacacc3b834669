#include "broker/pause_watch.h"

#include "runtime/base/mutant.h"
#include "runtime/base/reach.h"
#include "runtime/obs/logging.h"

namespace soliton::broker {

void PauseWatch::OnGrant(const Grant& grant, MonotonicTime now) {
  const bool first = grant_.grace == Duration::zero();
  grant_ = grant;
  if (grant_.grace == Duration::zero()) return;
  if (first) last_look_ = now;
  Look(now);
}

void PauseWatch::Look(MonotonicTime now) {
  if (grant_.grace == Duration::zero()) return;
  const Duration gap = now - last_look_;
  last_look_ = now;
  if (gap > longest_gap() && !SOLITON_MUTANT("a_leader_that_was_paused_goes_on")) {
    SOMETIMES("a shard noticed that it had not run");
    if (!in_doubt_) {
      LogWarn(
          "did not run for {} ms: acks=1 and acks=0 are refused until a controller says who leads",
          gap / milliseconds(1));
    }
    // Also while in doubt: what is on its way was asked before this pause.
    in_doubt_ = true;
    doubt_since_ = now;
    sure_until_ = MonotonicTime::min();
    return ask_(++doubt_);
  }
  if (in_doubt_) {
    if (now - doubt_since_ <= grant_.patience) return;
    SOMETIMES("no controller answered a broker that was paused");
    LogWarn("no controller has answered for {} ms: serving what was led before the pause",
            grant_.patience / milliseconds(1));
    in_doubt_ = false;
  }
  sure_until_ = now + longest_gap();
}

void PauseWatch::OnConfirmed(uint64_t doubt, MonotonicTime now) {
  Look(now);
  if (!in_doubt_ || doubt != doubt_) return;
  in_doubt_ = false;
  sure_until_ = now + longest_gap();
}

}  // namespace soliton::broker

#include "runtime/loop/asio_shard.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "runtime/base/check.h"

namespace soliton {
namespace {
// The shard whose Run is on this thread's stack.
thread_local const AsioShard* current_shard = nullptr;
}  // namespace

AsioShard::AsioShard(int index, const Clock& clock, uint64_t seed)
    : index_(index), clock_(clock), random_(seed) {}

AsioShard::~AsioShard() { DropPending(); }

void AsioShard::DropPending() {
  stopping_.store(true, std::memory_order_release);
  dropping_ = true;
  {
    TimerQueue pending = std::exchange(timers_, TimerQueue());
  }
  // Every handler of ours is a no-op while dropping_ is set; running them is what destroys them.
  do {
    io_context_.restart();
  } while (io_context_.poll() > 0);
}

void AsioShard::Post(Task task) {
  if (stopping_.load(std::memory_order_acquire)) return;
  boost::asio::post(io_context_, [this, task = std::move(task)]() mutable {
    if (!dropping_) task();
  });
}

bool AsioShard::IsCurrent() const {
  return current_shard == this || !claimed_.load(std::memory_order_acquire);
}

TimerId AsioShard::ScheduleAt(MonotonicTime deadline, Task task) {
  DCHECK(IsCurrent(), "timer scheduled off shard {}", index_);
  if (dropping_) return 0;
  const TimerId id = timers_.Add(deadline, std::move(task));
  ArmTimer();
  return id;
}

bool AsioShard::CancelTimer(TimerId id) {
  DCHECK(IsCurrent(), "timer cancelled off shard {}", index_);
  // The system timer stays armed: waking once for nothing is cheaper than re-arming at every
  // cancellation.
  return timers_.Cancel(id);
}

void AsioShard::ArmTimer() {
  const std::optional<MonotonicTime> next = timers_.NextDeadline();
  if (!next.has_value() || (armed_for_.has_value() && *armed_for_ <= *next)) return;
  armed_for_ = next;
  const uint64_t generation = ++arm_generation_;
  // As a distance: the system's timers go by a clock that is not this one.
  timer_.expires_after(*next - clock_.Now());
  timer_.async_wait([this, generation](const boost::system::error_code&) {
    // An outdated wait was replaced by an earlier one.
    if (generation == arm_generation_ && !dropping_) OnTimer();
  });
}

void AsioShard::OnTimer() {
  armed_for_.reset();
  // Timers that the due ones add wait for the next turn: a task that re-schedules itself for "now"
  // must not starve the sockets.
  const MonotonicTime now = clock_.Now();
  for (size_t budget = timers_.size(); budget > 0; --budget) {
    if (stopping_.load(std::memory_order_relaxed)) return;
    std::optional<Task> task = timers_.PopDue(now);
    if (!task.has_value()) break;
    (*task)();
  }
  ArmTimer();
}

void AsioShard::Claim() { CHECK(!claimed_.exchange(true), "shard {} already runs", index_); }

void AsioShard::Run() {
  const AsioShard* outer = std::exchange(current_shard, this);
  {
    auto keep_running = boost::asio::make_work_guard(io_context_);
    io_context_.run();
  }
  io_context_.restart();
  current_shard = outer;
  stopping_.store(false, std::memory_order_release);
  claimed_.store(false, std::memory_order_release);
}

void AsioShard::Stop() {
  stopping_.store(true, std::memory_order_release);
  io_context_.stop();
}

}  // namespace soliton

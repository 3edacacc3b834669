// Shards over Boost.Asio: one thread, one io_context and one timer queue each. Only loop/ and net/
// include this header; everybody else sees Shard and ShardSet.
//
// While no thread runs a shard (before Start, after Join) whoever builds or tears down counts as
// its owner: IsCurrent() is true for every thread then.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/loop/native_clock.h"
#include "runtime/loop/shard_set.h"
#include "runtime/loop/timer_queue.h"

namespace soliton {

class AsioShard final : public Shard {
 public:
  AsioShard(int index, const Clock& clock, uint64_t seed);
  ~AsioShard() override;

  int index() const override { return index_; }
  void Post(Task task) override;
  bool IsCurrent() const override;
  const Clock& clock() const override { return clock_; }
  Random& random() override { return random_; }
  TimerId ScheduleAt(MonotonicTime deadline, Task task) override;
  bool CancelTimer(TimerId id) override;

  boost::asio::io_context& io_context() { return io_context_; }

  // Claims the shard for a thread that is about to call Run, so that nobody else counts as its
  // owner.
  void Claim();
  // Runs the loop on the calling thread until Stop, then gives the claim back. May be claimed and
  // run again: what was queued meanwhile runs then.
  void Run();
  // Ends Run after the present task; a Run that has not begun ends at once. Any thread. Tasks that
  // are posted between Stop and the end of Run are dropped.
  void Stop();

  // Destroys, without running them, all queued tasks and timers, and takes no more. No thread may
  // run the shard. A set does this on all its shards before it destroys one, since what a task
  // captured may call any of them.
  void DropPending();
  bool dropping() const { return dropping_; }

 private:
  void ArmTimer();
  void OnTimer();

  const int index_;
  const Clock& clock_;
  Random random_;
  std::atomic<bool> claimed_{false};
  std::atomic<bool> stopping_{false};
  bool dropping_ = false;
  TimerQueue timers_;
  boost::asio::io_context io_context_{1};
  boost::asio::steady_timer timer_{io_context_};
  // What timer_ waits for; it may be earlier than needed after a cancellation, never later.
  std::optional<MonotonicTime> armed_for_;
  uint64_t arm_generation_ = 0;
};

struct ShardOptions {
  int shard_count = 1;
  // Seeds the shards' Random; drawn from the operating system when not set.
  std::optional<uint64_t> seed;
};

class AsioShardSet final : public ShardSet {
 public:
  explicit AsioShardSet(const ShardOptions& options);
  // Stops and joins.
  ~AsioShardSet() override;

  int size() const override { return static_cast<int>(shards_.size()); }
  AsioShard& shard(int index) override { return *shards_[static_cast<size_t>(index)]; }

  // Starts one thread per shard. Once.
  void Start();
  // Runs a set of one shard on the calling thread until Stop: for command-line tools. May be called
  // again.
  void RunOnCaller();
  // Asks all shards to end after their present task. Any thread, also a shard's own.
  void Stop();
  // Waits for the threads, then destroys what they left queued. Not from a shard.
  void Join();

 private:
  void DropPending();

  NativeClock clock_;
  std::vector<std::unique_ptr<AsioShard>> shards_;
  std::vector<std::thread> threads_;
};

}  // namespace soliton

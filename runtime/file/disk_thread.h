// The DiskExecutor over a small fixed pool of threads. A lane always runs on the same thread (lane
// modulo threads), which is what keeps its order. The urgent lane gets a thread of its own when it
// is first used.
//
// The queues are not bounded here: a caller keeps at most one flush per log and one read per
// request in flight, and Submit must not block a shard.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/file/disk_executor.h"

namespace soliton {

class DiskThreads final : public DiskExecutor {
 public:
  explicit DiskThreads(int thread_count);
  // The shards that get the replies must still exist.
  ~DiskThreads() override { Join(); }

  // Runs what was submitted before and ends the threads: nothing runs after it. May be called
  // again.
  void Join();

  void Submit(uint64_t lane, Shard& reply_to, Task work, Task done) override;

 private:
  struct Job {
    Shard* reply_to;
    Task work;
    Task done;
  };
  struct Worker {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Job> jobs;   // guarded by mutex
    bool stopping = false;  // guarded by mutex
    std::thread thread;
  };

  static void Run(Worker& worker);
  static std::unique_ptr<Worker> StartWorker(const std::string& name);
  Worker& WorkerOf(uint64_t lane);

  std::vector<std::unique_ptr<Worker>> workers_;
  std::once_flag urgent_started_;
  std::unique_ptr<Worker> urgent_;  // null until then
};

}  // namespace soliton

#include "runtime/file/disk_thread.h"

#include <pthread.h>

#include "runtime/base/check.h"

namespace soliton {

DiskThreads::DiskThreads(int thread_count) {
  CHECK(thread_count > 0, "{} disk threads", thread_count);
  for (int i = 0; i < thread_count; ++i) {
    workers_.push_back(std::make_unique<Worker>());
    Worker& worker = *workers_.back();
    worker.thread = std::thread([&worker] { Run(worker); });
    pthread_setname_np(worker.thread.native_handle(), fmt::format("disk-{}", i).c_str());
  }
}

void DiskThreads::Join() {
  for (auto& worker : workers_) {
    std::lock_guard lock(worker->mutex);
    worker->stopping = true;
    worker->wake.notify_one();
  }
  for (auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

void DiskThreads::Submit(uint64_t lane, Shard& reply_to, Task work, Task done) {
  Worker& worker = *workers_[lane % workers_.size()];
  bool was_empty;
  {
    std::lock_guard lock(worker.mutex);
    was_empty = worker.jobs.empty();
    worker.jobs.push_back({&reply_to, std::move(work), std::move(done)});
  }
  if (was_empty) worker.wake.notify_one();
}

void DiskThreads::Run(Worker& worker) {
  std::deque<Job> batch;
  while (true) {
    {
      std::unique_lock lock(worker.mutex);
      worker.wake.wait(lock, [&] { return worker.stopping || !worker.jobs.empty(); });
      if (worker.jobs.empty()) return;
      batch.swap(worker.jobs);
    }
    for (Job& job : batch) {
      job.work();
      job.work = nullptr;  // what it captured goes before the reply is on its way
      job.reply_to->Post(std::move(job.done));
    }
    batch.clear();
  }
}

}  // namespace soliton

#include "runtime/file/disk_thread.h"

#include <pthread.h>

#include "runtime/base/check.h"

namespace soliton {

DiskThreads::DiskThreads(int thread_count) {
  CHECK(thread_count > 0, "{} disk threads", thread_count);
  for (int i = 0; i < thread_count; ++i) {
    workers_.push_back(StartWorker(fmt::format("disk-{}", i)));
  }
}

std::unique_ptr<DiskThreads::Worker> DiskThreads::StartWorker(const std::string& name) {
  auto worker = std::make_unique<Worker>();
  worker->thread = std::thread([&worker = *worker] { Run(worker); });
  pthread_setname_np(worker->thread.native_handle(), name.c_str());
  return worker;
}

DiskThreads::Worker& DiskThreads::WorkerOf(uint64_t lane) {
  if (lane != kUrgentLane) return *workers_[lane % workers_.size()];
  std::call_once(urgent_started_, [this] { urgent_ = StartWorker("disk-urgent"); });
  return *urgent_;
}

void DiskThreads::Join() {
  // From now on nobody starts it.
  std::call_once(urgent_started_, [] {});
  std::vector<Worker*> all;
  for (auto& worker : workers_) all.push_back(worker.get());
  if (urgent_ != nullptr) all.push_back(urgent_.get());
  for (Worker* worker : all) {
    std::lock_guard lock(worker->mutex);
    worker->stopping = true;
    worker->wake.notify_one();
  }
  for (Worker* worker : all) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

void DiskThreads::Submit(uint64_t lane, Shard& reply_to, Task work, Task done) {
  Worker& worker = WorkerOf(lane);
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

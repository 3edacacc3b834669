// Waiting for another thread, with a deadline instead of a sleep.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/loop/shard.h"

namespace soliton {

constexpr std::chrono::seconds kTestDeadline(20);

// The value that another thread sets; a test that waits longer than the deadline is broken and
// aborts.
template <typename T>
T Await(std::future<T> future) {
  CHECK(future.wait_for(kTestDeadline) == std::future_status::ready, "nothing came in time");
  return future.get();
}

// Runs `work` on the shard and waits for it.
template <typename Work>
auto RunOn(Shard& shard, Work work) {
  std::packaged_task<decltype(work())()> task(std::move(work));
  auto future = task.get_future();
  shard.Post([task = std::move(task)]() mutable { task(); });
  return Await(std::move(future));
}

}  // namespace soliton

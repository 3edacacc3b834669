// One run: loads a topic, breaks the cluster on the way, and judges what came of it. The shell
// around Ledger, LeaderHistory and RunRecord. Open loop: records are sent when they are due,
// whether or not earlier ones have been acknowledged, so an outage shows in full. Lives on one
// shard; callbacks run there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "bench/failover/options.h"
#include "bench/failover/run_record.h"
#include "runtime/ports.h"

namespace soliton::bench {

// What a viewer may show while the run goes on.
struct FailoverProgress {
  int32_t run = 1;
  int32_t runs = 1;
  std::string phase;                   // "load", "reading back", ...
  Duration elapsed{};                  // of the load
  std::vector<int64_t> acked_buckets;  // per 100 ms
  std::vector<int64_t> worst_us;       // the slowest of them, from when it was due
  int64_t target_per_bucket = 0;
  int64_t sent = 0;
  int64_t acked = 0;
};

class FailoverRun {
 public:
  struct Events {
    std::function<void(const FailoverProgress&)> on_progress;            // every 100 ms
    std::function<void(Duration elapsed, const std::string&)> on_event;  // "SIGKILL node 2 ..."
  };

  // `ports` must have a DiskExecutor: commands run there.
  FailoverRun(const Ports& ports, Shard& shard, FailoverOptions options, Events events);
  ~FailoverRun();

  // `done` runs once with the record, or with why the run could not be carried out.
  void Start(absl::AnyInvocable<void(absl::StatusOr<RunRecord>)> done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace soliton::bench

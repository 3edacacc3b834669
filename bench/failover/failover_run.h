// Runs a load against a cluster, breaks it on the way, and judges what came of it: the shell around
// Ledger, Timeline and FailoverReport. Open loop: records are sent when they are due, whether or
// not earlier ones have been acknowledged, so an outage shows in full. Lives on one shard;
// callbacks run there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "bench/failover/options.h"
#include "bench/failover/report.h"
#include "runtime/ports.h"

namespace soliton::bench {

// What a viewer may show while the run goes on.
struct FailoverProgress {
  std::string phase;                   // "load", "reading back", ...
  Duration elapsed{};                  // of the load
  std::vector<int64_t> acked_buckets;  // per 100 ms
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

  // `ports` must have a DiskExecutor: the fault commands run there.
  FailoverRun(const Ports& ports, Shard& shard, FailoverOptions options, Events events);
  ~FailoverRun();

  // `done` runs once with the report, or with why the run could not be carried out.
  void Start(absl::AnyInvocable<void(absl::StatusOr<FailoverReport>)> done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace soliton::bench

// Breaks a cluster in the chosen way and mends it again: chooses the victim, watches what the
// brokers tell meanwhile, and waits until all replicas are back. Lives on one shard.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bench/failover/cluster_admin.h"
#include "bench/failover/leader_watch.h"
#include "bench/failover/node_control.h"
#include "bench/failover/options.h"
#include "bench/failover/while_alive.h"

namespace soliton::bench {

class FaultScript {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;
  using Say = std::function<void(const std::string&)>;

  // `options` and `admin` outlive it.
  FaultScript(const Ports& ports, Shard& shard, const FailoverOptions& options, ClusterAdmin& admin,
              MonotonicTime load_start, Say say);

  // Chooses the victim and gets everything ready, so that Break costs no time of its own.
  void Prepare(Done done);
  // `done` runs when it has been done: of a rolling restart when the last node is back.
  void Break(Done done);
  // `done` runs when every in-sync set is full again, or with kDeadlineExceeded.
  void Mend(Done done);

  const Victim& victim() const { return victim_; }
  // When Break and Mend acted.
  std::optional<MonotonicTime> broken_at() const { return broken_at_; }
  std::optional<MonotonicTime> mended_at() const { return mended_at_; }
  // Whether there is anything for Mend to do.
  bool needs_mending() const;
  // nullptr before Prepare has ended and where nothing is watched.
  const LeaderWatch* watch() const { return watch_.get(); }

 private:
  Endpoint AddressOf(int32_t node) const;
  void Choose(std::optional<int32_t> quorum_leader, Done done);
  void PrepareMove(Done done);
  void Signal(int signal, const char* name, Done done);
  void MoveLeaders(Done done);
  void RestartNext(Done done);
  void AwaitFullIsr(MonotonicTime deadline, Done done);

  const Ports ports_;
  Shard& shard_;
  const FailoverOptions& options_;
  ClusterAdmin& admin_;
  const MonotonicTime load_start_;
  const Say say_;
  NodeControl nodes_;
  ClusterView before_;
  Victim victim_;
  std::vector<int32_t> to_restart_;
  std::unique_ptr<LeaderWatch> watch_;
  std::optional<MonotonicTime> broken_at_;
  std::optional<MonotonicTime> mended_at_;
  Lifetime lifetime_;
};

}  // namespace soliton::bench

// One seed, from booting a cluster to the last audit:
//   boot      everything starts, topics are made; no faults
//   safety    clients at work under the nemesis; safety invariants are checked all along
//   healing   faults end; every partition and every producer must get acks again, and every ISR its
//             members, within a budget of virtual time
//   drain     producers stop, all records are answered, consumers read to the end, replicas agree
//   audit     logs against each other and against what clients were promised
// Some seeds end with a power cut of everything and a second audit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/sim/cluster_plan.h"

namespace soliton::sim {

struct SimulationOptions {
  // Log lines of all nodes and what the nemesis does, with virtual times, on stderr. The sink of
  // logs is process-wide: one verbose simulation at a time.
  bool verbose = false;
  // Instead of what the seed draws.
  std::optional<ClusterPlan> plan;
  std::optional<std::vector<Strike>> strikes;
  // Keep what happened last (strikes, messages), for people.
  bool chart = false;
};

struct SimulationResult {
  absl::Status failure;  // the first violated invariant
  uint64_t trace_hash = 0;
  uint64_t events = 0;
  int64_t acked = 0;
  int64_t failed = 0;  // records given up by producers
  int64_t read = 0;
  double virtual_seconds = 0;
  ClusterPlan plan;
  std::vector<Strike> strikes;
  std::string faults;  // how many of each kind
  std::vector<std::string> chart;
};

SimulationResult Simulate(uint64_t seed, const SimulationOptions& options = {});

}  // namespace soliton::sim

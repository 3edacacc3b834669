// The floor's load: the same shapes as `soliton bench produce|consume` put on brokers, spoken to
// floor nodes. One frame is built once and sent again and again; what is read is counted only.
#pragma once

#include <vector>

#include "bench/load/load_options.h"
#include "bench/load/load_report.h"

namespace soliton::floor {

struct LoadOptions {
  std::vector<int> nodes;  // ports; one log (the brokers' partition) each
  std::vector<int> pids;   // whose CPU time is counted
  bench::LoadLimit limit;
  int64_t batch_bytes = 64 * 1024;
  int32_t in_flight = 5;  // per node
  int64_t fetch_bytes = 1 << 20;
};

bench::LoadReport RunProduce(const LoadOptions& options);
// Each log from its start, again and again.
bench::LoadReport RunConsume(const LoadOptions& options);

}  // namespace soliton::floor

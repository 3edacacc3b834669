// What one run does. Times count from the first record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/failover/fault.h"
#include "bench/failover/link_proxy.h"
#include "bench/failover/load_driver.h"
#include "bench/failover/node_control.h"
#include "runtime/loop/clock.h"
#include "runtime/net/transport.h"

namespace soliton::bench {

struct FailoverOptions {
  std::vector<Endpoint> bootstrap;
  std::string topic;  // must exist; every partition gets an equal share of the load
  int64_t records_per_second = 5000;
  int64_t value_bytes = 200;
  DriverOptions driver;  // its bootstrap and topic are those above

  Duration warm_up = seconds(1);  // not measured
  Duration fault_at =
      seconds(2);  // and up to so much later, so that runs differ in phase: librdkafka
  Duration fault_spread = seconds(1);  // looks for requests that have timed out once a second
  // Without it mending begins when all partitions have been written for `settle` again.
  std::optional<Duration> recover_at;
  // Of the load. Without it the load ends `settle` after all in-sync sets are full again.
  std::optional<Duration> duration;
  Duration settle = seconds(1);

  FaultKind fault = FaultKind::kNone;
  std::optional<int32_t> victim;  // instead of choosing one
  NodeControlOptions nodes;
  LinkProxy* proxy = nullptr;  // stands before the nodes, for kCutLink

  Duration rejoin_timeout = seconds(60);  // until every partition has its full ISR again
  Duration drain_timeout = seconds(120);  // for acknowledgements after the load
};

}  // namespace soliton::bench

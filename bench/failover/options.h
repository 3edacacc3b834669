// What a failover run does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/loop/clock.h"
#include "runtime/net/transport.h"

namespace soliton::bench {

struct FailoverOptions {
  std::vector<Endpoint> bootstrap;
  std::string topic;  // must exist; every partition gets an equal share of the load
  int64_t records_per_second = 5000;
  int64_t value_bytes = 200;
  Duration duration = seconds(20);  // of the load
  Duration fault_at = seconds(6);   // after its start
  Duration recover_at = seconds(12);
  // Shell commands; {node} is replaced by the broker that leads most partitions of the topic.
  std::string fault_command;  // empty: no fault
  std::string recover_command;
  Duration rejoin_timeout = seconds(60);  // until every partition has its full ISR again
  Duration drain_timeout = seconds(60);   // for acknowledgements after the load
};

}  // namespace soliton::bench

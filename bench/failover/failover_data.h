// A whole measurement: what was run on what, and the record of every run. What --json writes and
// --from reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/failover/run_record.h"

namespace soliton::bench {

struct FailoverSetup {
  std::string label;    // of the cluster, for people: "Apache Kafka 4.3.1"
  std::string fault;    // "kill-leader", "none", ...
  std::string command;  // as typed
  std::string driver;   // "soliton 0.1.0", "librdkafka 2.0.2"
  bool idempotence = true;
  std::vector<std::string> driver_settings;  // name=value, beyond the driver's defaults
  std::string topic;
  int32_t partitions = 0;
  int32_t replication_factor = 0;
  int64_t records_per_second = 0;
  int64_t value_bytes = 0;
  std::string started;          // UTC, ISO 8601
  std::string machine;          // "2 x AMD EPYC, 24 GiB, Linux 6.18": where the load ran
  bool shares_machine = false;  // brokers and load
};

struct FailoverData {
  FailoverSetup setup;
  std::vector<RunRecord> runs;

  bool ok() const {
    for (const RunRecord& run : runs) {
      if (!run.ok()) return false;
    }
    return !runs.empty();
  }
};

}  // namespace soliton::bench

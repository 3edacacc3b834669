// What the raw load drivers do, and what they found out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/load/latency_histogram.h"
#include "runtime/loop/clock.h"
#include "runtime/net/transport.h"

namespace soliton::bench {

struct LoadTarget {
  std::vector<Endpoint> bootstrap;
  std::string topic;  // must exist
  Duration metadata_timeout = seconds(10);
};

// A load ends with whichever comes first; zero is no limit.
struct LoadLimit {
  int64_t bytes = 0;
  Duration time{};
};

struct ProduceLoadOptions {
  LoadTarget target;
  LoadLimit limit;
  int64_t batch_bytes = 64 * 1024;  // of records, at least one
  int64_t record_bytes = 1024;      // of a value
  int32_t in_flight = 5;            // requests per partition
  int16_t acks = -1;
  int32_t connections_per_broker = 1;
};

struct ConsumeLoadOptions {
  LoadTarget target;
  // Without a limit each partition is read once, up to the high watermark that its first answer
  // told. With one, reading starts over whenever it gets there.
  LoadLimit limit;
  int64_t partition_max_bytes = 1024 * 1024;
  int64_t max_bytes = 50 * 1024 * 1024;  // per request
};

struct LoadFigures {
  int64_t bytes = 0;  // of record batches, headers included
  int64_t requests = 0;
  Duration elapsed{};  // from the first request to the last answer
  LatencyHistogram latency;
};

}  // namespace soliton::bench

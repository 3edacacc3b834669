// librdkafka as a load driver: in its default settings, but for the brokers' addresses, acks=all
// and idempotence. Its threads stay its own: results are taken on the shard, in Poll, so they are
// up to a millisecond late.
#pragma once

#include <memory>
#include <string>

#include "bench/failover/load_driver.h"

namespace soliton::bench {

// "2.0.2"; empty in a build without it.
std::string LibrdkafkaVersion();

absl::StatusOr<std::unique_ptr<LoadDriver>> MakeRdkafkaDriver(Shard& shard,
                                                              const DriverOptions& options,
                                                              LoadDriver::ResultCallback on_result);

}  // namespace soliton::bench

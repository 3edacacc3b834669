// The metadata quorum as its leader sees it: what DescribeQuorum (KIP-595, KIP-836) answers. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "controller/core/core_types.h"
#include "controller/metadata/control.pb.h"
#include "controller/quorum/quorum_core.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

// The same moment on both clocks.
struct Moment {
  MonotonicTime now;
  int64_t wall_ms = 0;
};

// `core` leads. `endpoints`: where controllers are reached, by node id. Observers are controllers
// without a vote and brokers; those whose node is listed already are left out.
pb::DescribeQuorumResponse DescribeQuorum(const QuorumCore& core,
                                          const std::map<int32_t, Endpoint>& endpoints,
                                          const std::vector<BrokerProgress>& followers,
                                          const Moment& moment);

}  // namespace soliton::controller

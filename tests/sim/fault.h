// The faults that a nemesis may strike with, and one strike as a value: printed, replayed and
// shrunk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/loop/clock.h"

namespace soliton::sim {

enum class Fault : uint8_t {
  kBrokerPowerLoss,       // unsynced bytes go, peers see the connection close
  kBrokerKilled,          // the process dies, the page cache lives
  kBrokerHostGone,        // power loss of a machine that answers nothing until it is back
  kBrokerStopped,         // a clean stop and start
  kBrokerPaused,          // SIGSTOP, often beyond the session timeout
  kBrokerDiskStalled,     // no disk work completes for a while
  kBrokerDiskWriteFails,  // EIO, once or for a while
  kBrokerDiskSyncFails,   // fdatasync: EIO, and the pages are called clean all the same
  kBrokerDiskReadFails,
  kBrokerDiskFull,       // a few more bytes, then ENOSPC for a while
  kBrokerDiskWiped,      // comes back with an empty disk; only to the plan's victim
  kBrokerDiskRots,       // some bits are other ones when it comes back; only to the victim
  kBrokerDiskPutBack,    // comes back with an older copy of its disk; only to the victim
  kBrokerClockSteps,     // the wall clock, by minutes to hours, and drifts from there on
  kControllerPowerLoss,  // unsynced bytes of the metadata log go
  kControllerKilled,
  kControllerPaused,
  kControllerDiskSyncFails,
  kControllerDiskFull,
  kControllerDiskPutBack,  // as of a broker; only to the plan's controller victim
  kControllerClockSteps,
  kAllPowerLoss,  // controller and brokers at the same moment
  kAllKilled,
  kClientKilled,
  kLinkCut,        // between two machines, both ways
  kLinkCutOneWay,  // what one says does not reach the other
  kLinkSlow,       // every frame takes far longer
  kIsolated,       // one machine from all others
  kHalves,         // a random half from the other half
  kBridge,         // brokers do not reach each other, everybody else reaches all
  kConnectionsReset,
  kConnectionsStuck,  // those that exist carry nothing any more, new ones work (half-open)
  kCount,
};
inline constexpr size_t kFaultCount = static_cast<size_t>(Fault::kCount);
std::string_view FaultName(Fault fault);

// Machines are numbered controller, brokers, clients, from 0. What a fault does not need is 0.
struct Strike {
  Duration at{};  // since the first one could have come
  Fault fault = Fault::kConnectionsReset;
  int32_t machine = 0;
  int32_t peer = 0;
  Duration duration{};
  uint64_t detail = 0;  // seed of whatever else it draws
  friend bool operator==(const Strike&, const Strike&) = default;

  // "1234567us broker-killed 2 0 350000us 17", and back.
  std::string ToString() const;
  static absl::StatusOr<Strike> Parse(std::string_view line);
};

}  // namespace soliton::sim

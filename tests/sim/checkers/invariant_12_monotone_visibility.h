// Invariant 12: a value that clients see of a partition (high watermark, log start offset) never
// decreases for one observer, whichever leaders it asks.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "absl/status/status.h"
#include "tests/sim/checkers/observations.h"

namespace soliton::sim {

class MonotoneVisibility {
 public:
  // `what` names the value, `observer` who sees it.
  absl::Status Observe(const std::string& observer, const PartitionName& partition,
                       const std::string& what, int64_t value);

  // The observer was told that its position does not exist any more and begins anew.
  void Forget(const std::string& observer, const PartitionName& partition);

 private:
  std::map<std::tuple<std::string, PartitionName, std::string>, int64_t> highest_;
};

}  // namespace soliton::sim

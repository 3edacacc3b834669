// Invariant 1 of the controllers: at most one leads in an epoch, and what a process knows as
// committed never shrinks.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"

namespace soliton::sim {

struct QuorumObservation {
  std::string process;  // of the controller
  std::string voter;
  int32_t epoch = 0;
  bool leads = false;
  int64_t committed_end = 0;
};

class MetadataQuorum {
 public:
  absl::Status Observe(const QuorumObservation& seen);

 private:
  struct Position {
    int32_t epoch = 0;
    int64_t committed_end = 0;
  };
  std::map<int32_t, std::string> leaders_;  // by epoch
  std::map<std::string, Position> positions_;
};

}  // namespace soliton::sim

// Invariant 19, metadata determinism: whoever has applied the metadata log up to an offset holds
// the same metadata, whether it replayed the log, followed it, or began with an image.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"

namespace soliton::sim {

class MetadataDeterminism {
 public:
  // `who` names a process; `content_hash` is of everything in its metadata.
  absl::Status Observe(const std::string& who, int64_t offset, uint64_t content_hash);

 private:
  struct Seen {
    std::string who;
    uint64_t content_hash = 0;
  };
  std::map<int64_t, Seen> at_;
  std::map<std::string, int64_t> position_;
};

}  // namespace soliton::sim

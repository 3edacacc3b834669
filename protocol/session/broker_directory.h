// Which address to ask next when any broker will do: remembers what went wrong where. Pure; one
// owner. The choice is deterministic, so a simulated run is reproducible.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "runtime/net/transport.h"

namespace soliton::kafka {

class BrokerDirectory {
 public:
  explicit BrokerDirectory(std::vector<Endpoint> bootstrap) : bootstrap_(std::move(bootstrap)) {}

  // Replaces the brokers that metadata named. Bootstrap addresses stay candidates for ever: all
  // known brokers may move away while the client sleeps.
  void SetBrokers(std::set<Endpoint> brokers);

  // The best candidate: fewest failures in a row, then an open connection before none, then brokers
  // before bootstrap addresses, then the one asked longest ago. Counts as asked.
  Endpoint Pick(const std::set<Endpoint>& connected);

  void NoteFailure(const Endpoint& endpoint) { ++entries_[endpoint].failures; }
  void NoteSuccess(const Endpoint& endpoint) { entries_[endpoint].failures = 0; }
  int failures(const Endpoint& endpoint) const;
  // Whether some candidate has not failed since it last answered (or was never asked).
  bool has_healthy_candidate() const;
  // Distinct addresses that Pick chooses from.
  size_t candidate_count() const { return Candidates().size(); }

 private:
  struct Entry {
    int failures = 0;
    uint64_t last_asked = 0;
  };
  std::vector<Endpoint> Candidates() const;

  std::vector<Endpoint> bootstrap_;
  std::set<Endpoint> brokers_;
  std::map<Endpoint, Entry> entries_;
  uint64_t asked_ = 0;
};

}  // namespace soliton::kafka

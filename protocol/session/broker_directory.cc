#include "protocol/session/broker_directory.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "runtime/base/check.h"

namespace soliton::kafka {

void BrokerDirectory::SetBrokers(std::set<Endpoint> brokers) {
  brokers_ = std::move(brokers);
  const std::vector<Endpoint> candidates = Candidates();
  std::erase_if(entries_, [&](const auto& entry) {
    return std::find(candidates.begin(), candidates.end(), entry.first) == candidates.end();
  });
}

std::vector<Endpoint> BrokerDirectory::Candidates() const {
  std::vector<Endpoint> candidates(brokers_.begin(), brokers_.end());
  for (const Endpoint& endpoint : bootstrap_) {
    if (std::find(candidates.begin(), candidates.end(), endpoint) == candidates.end()) {
      candidates.push_back(endpoint);
    }
  }
  return candidates;
}

Endpoint BrokerDirectory::Pick(const std::set<Endpoint>& connected) {
  const std::vector<Endpoint> candidates = Candidates();
  CHECK(!candidates.empty(), "no bootstrap address");
  const auto score = [&](const Endpoint& endpoint) {
    const auto it = entries_.find(endpoint);
    const Entry entry = it == entries_.end() ? Entry{} : it->second;
    return std::make_tuple(entry.failures, !connected.contains(endpoint),
                           !brokers_.contains(endpoint), entry.last_asked);
  };
  const Endpoint best =
      *std::min_element(candidates.begin(), candidates.end(),
                        [&](const Endpoint& a, const Endpoint& b) { return score(a) < score(b); });
  entries_[best].last_asked = ++asked_;
  return best;
}

int BrokerDirectory::failures(const Endpoint& endpoint) const {
  const auto it = entries_.find(endpoint);
  return it == entries_.end() ? 0 : it->second.failures;
}

bool BrokerDirectory::has_healthy_candidate() const {
  for (const Endpoint& endpoint : Candidates()) {
    if (failures(endpoint) == 0) return true;
  }
  return false;
}

}  // namespace soliton::kafka

// The ISR changes of one shard's partitions on their way to the controller: one request at a time,
// with all that came up meanwhile. When a broker comes or goes thousands of partitions change at
// once; a request for each would be a decision, a flush and an image for each. Pure; one owner.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "broker/partition/replica_core.h"
#include "broker/partition/topic_partition.h"

namespace soliton::broker {

class IsrProposals {
 public:
  using Request = std::vector<std::pair<TopicPartition, IsrProposal>>;
  // Bounds what the controller decides, and every broker applies, at once.
  static constexpr size_t kMostAtOnce = 2000;

  // A partition's newest proposal takes the place of one that was not sent yet.
  void Add(const TopicPartition& id, const IsrProposal& proposal) { waiting_[id] = proposal; }

  // What is to be sent now; empty while nothing waits or a request is under way.
  Request StartRequest() {
    Request request;
    if (under_way_) return request;
    while (!waiting_.empty() && request.size() < kMostAtOnce) {
      request.push_back(*waiting_.begin());
      waiting_.erase(waiting_.begin());
    }
    under_way_ = !request.empty();
    return request;
  }
  // Its answer came, or never will.
  void OnRequestDone() { under_way_ = false; }

 private:
  std::map<TopicPartition, IsrProposal> waiting_;
  bool under_way_ = false;
};

}  // namespace soliton::broker

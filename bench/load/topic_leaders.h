// Where the partitions of a topic are led, asked once before a load. Lives on one shard; `done`
// runs there.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "bench/load/load_options.h"
#include "protocol/session/cluster_client.h"
#include "runtime/loop/shard.h"

namespace soliton::bench {

// Partition to the address of its leader. Never empty.
using TopicLeaders = std::map<int32_t, Endpoint>;

class TopicLeadersQuestion {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<TopicLeaders>)>;

  // `done` runs once, with an error when the topic does not exist, has partitions without a leader
  // after the timeout, or nobody answers. Destroying the question drops it.
  TopicLeadersQuestion(Shard& shard, Transport& transport, const LoadTarget& target, Done done);
  ~TopicLeadersQuestion();

 private:
  void Ask();
  void OnAnswer(absl::StatusOr<kafka::MetadataResponse> response);
  // Asks again while there is time, else ends with `why`.
  void RetryOr(const absl::Status& why);
  void Finish(absl::StatusOr<TopicLeaders> result);

  Shard& shard_;
  const LoadTarget target_;
  const MonotonicTime deadline_;
  Done done_;
  kafka::ClusterClient cluster_;
  TimerId timer_ = 0;
};

}  // namespace soliton::bench

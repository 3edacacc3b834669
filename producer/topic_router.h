// Where records go: resolves topics and partitions against metadata, and keeps the records of
// topics that are not known yet. Pure; one owner.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "producer/partitioner.h"
#include "producer/produce_wire.h"
#include "producer/record.h"
#include "protocol/session/metadata_cache.h"
#include "runtime/base/random.h"
#include "runtime/loop/clock.h"

namespace soliton::producer {

// A record on its way to a batch.
struct PendingRecord {
  ProducerRecord record;
  SendCallback callback;
  int64_t charged_bytes = 0;
  uint64_t generation = 0;
  MonotonicTime sent_at{};
};

struct RouterOptions {
  int64_t stick_bytes = 16384;  // the batch size
};

class TopicRouter {
 public:
  TopicRouter(const RouterOptions& options, uint64_t seed) : options_(options), random_(seed) {}

  // True when the topic was not known to the router before: it must be watched.
  bool AddTopic(const std::string& topic);

  // The partition for a record of a topic whose partitions are known and for which nothing waits;
  // nullopt: Park it. A record that names a partition above those that are known is parked too: the
  // topic may have grown since (wants_refresh). kInvalidArgument for a negative one.
  absl::StatusOr<std::optional<int32_t>> Route(const ProducerRecord& record);

  void Park(PendingRecord pending);

  // Takes in new metadata of all topics.
  void Update(const kafka::MetadataCache& cache);
  // Records wait for partitions that the metadata does not know: somebody should ask again.
  bool wants_refresh() const;
  // Takes out parked records of topics that have become routable, in order.
  std::vector<PendingRecord> TakeRoutable();
  // Takes out parked records whose topic failed for good, or that were sent at or before
  // `sent_before`, each with the reason.
  std::vector<std::pair<PendingRecord, absl::Status>> TakeFailed(MonotonicTime sent_before,
                                                                 Duration waited);
  // When the oldest parked record was sent.
  std::optional<MonotonicTime> OldestParked() const;

 private:
  struct Topic {
    int32_t partition_count = 0;     // 0 = not known
    std::vector<int32_t> available;  // with a leader, ascending
    kafka::ErrorCode error = kafka::ErrorCode::NONE;
    StickyPartition sticky;
    std::deque<PendingRecord> parked;
    std::deque<PendingRecord> beyond;  // for partitions above those that are known
  };

  const RouterOptions options_;
  Random random_;
  std::map<std::string, Topic> topics_;
};

}  // namespace soliton::producer

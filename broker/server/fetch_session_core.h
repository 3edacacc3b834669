// What one incremental fetch session (KIP-227) remembers, pure: the partitions of the session as
// the client asked for them, and what it was last told about each. A request that names only
// changes is completed to the full request that it stands for; of the full answer, only what is
// news to the client is kept. Lives on one shard.
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <string>

#include "protocol/messages/fetch.h"
#include "runtime/base/uuid.h"

namespace soliton::broker {

class FetchSessionCore {
 public:
  // Adds and changes what `request` names, then takes out what it forgets.
  void Apply(const kafka::FetchRequest& request);
  // Replaces the topics of `request` by all partitions of the session, in the session's order.
  void Complete(kafka::FetchRequest& request) const;
  // Notes what the client learns from `response`, the answer to a full request. With
  // `incremental`, what it knows already is left out: a partition stays when it has records, an
  // error, a diverging epoch or a preferred replica, or when an offset in it moved. Partitions that
  // gave records go to the end, so that all get their turn when max_bytes is short.
  void Reduce(kafka::FetchResponse& response, bool incremental);

  size_t size() const { return positions_.size(); }

 private:
  struct Key {
    std::string topic;
    Uuid topic_id;
    int32_t partition = -1;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Entry {
    Key key;
    kafka::FetchRequest::FetchPartition asked;
    // As told last; kUntold makes the next answer news.
    int64_t high_watermark = kUntold;
    int64_t last_stable_offset = kUntold;
    int64_t log_start_offset = kUntold;
  };
  static constexpr int64_t kUntold = -2;

  // Whether `data` says anything that the client of `entry` does not know; notes that it does now.
  static bool Tell(Entry& entry, const kafka::FetchResponse::PartitionData& data);

  std::list<Entry> entries_;  // in the order in which they are served
  std::map<Key, std::list<Entry>::iterator> positions_;
};

}  // namespace soliton::broker

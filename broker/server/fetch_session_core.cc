#include "broker/server/fetch_session_core.h"

#include <utility>
#include <vector>

namespace soliton::broker {

using kafka::FetchRequest;
using kafka::FetchResponse;

void FetchSessionCore::Apply(const FetchRequest& request) {
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      const Key key{topic.topic, topic.topic_id, partition.partition};
      auto found = positions_.find(key);
      if (found == positions_.end()) {
        Entry& entry = entries_.emplace_back();
        entry.key = key;
        found = positions_.emplace(key, std::prev(entries_.end())).first;
      }
      found->second->asked = partition;
    }
  }
  for (const auto& topic : request.forgotten_topics_data) {
    for (int32_t partition : topic.partitions) {
      auto found = positions_.find({topic.topic, topic.topic_id, partition});
      if (found == positions_.end()) continue;
      entries_.erase(found->second);
      positions_.erase(found);
    }
  }
}

void FetchSessionCore::Complete(FetchRequest& request) const {
  request.topics.clear();
  for (const Entry& entry : entries_) {
    if (request.topics.empty() || request.topics.back().topic != entry.key.topic ||
        request.topics.back().topic_id != entry.key.topic_id) {
      auto& topic = request.topics.emplace_back();
      topic.topic = entry.key.topic;
      topic.topic_id = entry.key.topic_id;
    }
    request.topics.back().partitions.push_back(entry.asked);
  }
}

bool FetchSessionCore::Tell(Entry& entry, const FetchResponse::PartitionData& data) {
  bool news = data.records.size_bytes() > 0 || data.preferred_read_replica >= 0 ||
              data.diverging_epoch.end_offset >= 0;
  news |= std::exchange(entry.high_watermark, data.high_watermark) != data.high_watermark;
  news |=
      std::exchange(entry.last_stable_offset, data.last_stable_offset) != data.last_stable_offset;
  news |= std::exchange(entry.log_start_offset, data.log_start_offset) != data.log_start_offset;
  if (data.error_code == kafka::ErrorCode::NONE) return news;
  // The end of an error is news too.
  entry.high_watermark = kUntold;
  return true;
}

void FetchSessionCore::Reduce(FetchResponse& response, bool incremental) {
  for (auto& topic : response.responses) {
    std::vector<FetchResponse::PartitionData> kept;
    for (auto& data : topic.partitions) {
      auto found = positions_.find({topic.topic, topic.topic_id, data.partition_index});
      bool news = true;  // of a partition that was forgotten meanwhile, too
      if (found != positions_.end()) {
        news = Tell(*found->second, data);
        if (data.records.size_bytes() > 0) {
          entries_.splice(entries_.end(), entries_, found->second);
        }
      }
      if (news || !incremental) kept.push_back(std::move(data));
    }
    topic.partitions = std::move(kept);
  }
  if (incremental) {
    std::erase_if(response.responses, [](const auto& topic) { return topic.partitions.empty(); });
  }
}

}  // namespace soliton::broker

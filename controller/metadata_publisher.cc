#include "controller/metadata_publisher.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/metadata/image_records.h"

namespace soliton::controller {

absl::Status MetadataPublisher::Apply(const LoggedBatch& logged) {
  int64_t offset = logged.batch.base_offset;
  for (const pb::MetadataRecord& record : logged.batch.records) {
    if (absl::Status applied = committed_.Apply(record, offset++); !applied.ok()) return applied;
  }
  kept_.push_back({logged.batch.base_offset, logged.batch.end_offset(), logged.bytes});
  kept_bytes_ += static_cast<int64_t>(logged.bytes.size());
  while (kept_bytes_ > options_.kept_bytes && kept_.size() > 1) {
    kept_bytes_ -= static_cast<int64_t>(kept_.front().bytes.size());
    kept_.pop_front();
  }
  return absl::OkStatus();
}

absl::Status MetadataPublisher::Reset(const std::vector<pb::MetadataRecord>& records,
                                      int64_t offset) {
  committed_ = MetadataBuilder();
  kept_.clear();
  kept_bytes_ = 0;
  for (const pb::MetadataRecord& record : records) {
    if (absl::Status applied = committed_.Apply(record, offset); !applied.ok()) return applied;
  }
  return absl::OkStatus();
}

void MetadataPublisher::PumpAll() {
  for (auto& [id, subscriber] : subscribers_) Pump(subscriber);
}

absl::Status MetadataPublisher::Subscribe(ConnectionId id, FramedConnection* connection,
                                          int64_t next_offset) {
  if (next_offset < 0 || next_offset > committed_end_offset()) {
    return absl::OutOfRangeError(
        fmt::format("metadata from offset {} on is asked for, the committed log ends at {}",
                    next_offset, committed_end_offset()));
  }
  subscribers_[id] = {connection, next_offset};
  return absl::OkStatus();
}

void MetadataPublisher::OnDrained(ConnectionId id) {
  const auto it = subscribers_.find(id);
  if (it != subscribers_.end()) Pump(it->second);
}

void MetadataPublisher::Pump(Subscriber& subscriber) {
  while (subscriber.next_offset < committed_end_offset() &&
         subscriber.connection->unsent_bytes() <= options_.max_unsent_bytes) {
    if (kept_.empty() || subscriber.next_offset < kept_.front().base_offset) {
      PushSnapshot(subscriber);
    } else {
      PushBatches(subscriber);
    }
  }
}

void MetadataPublisher::PushBatches(Subscriber& subscriber) {
  auto it = std::partition_point(kept_.begin(), kept_.end(), [&](const Kept& kept) {
    return kept.end_offset <= subscriber.next_offset;
  });
  pb::ServerMessage message;
  pb::MetadataPush* push = message.mutable_push();
  push->set_committed_end_offset(committed_end_offset());
  std::string* batches = push->mutable_batches();
  for (; it != kept_.end() && static_cast<int64_t>(batches->size()) < options_.push_bytes; ++it) {
    batches->append(it->bytes.view());
    subscriber.next_offset = it->end_offset;
  }
  subscriber.connection->Send(EncodeFrame(message));
}

void MetadataPublisher::PushSnapshot(Subscriber& subscriber) {
  std::vector<pb::MetadataRecord> records;
  int64_t bytes = 0;
  bool begin = true;
  const int64_t snapshot_offset = image().offset;
  const auto send = [&](bool end) {
    pb::ServerMessage message;
    pb::MetadataPush* push = message.mutable_push();
    push->set_is_snapshot(true);
    push->set_snapshot_begin(std::exchange(begin, false));
    push->set_snapshot_end(end);
    push->set_snapshot_offset(snapshot_offset);
    push->set_committed_end_offset(committed_end_offset());
    push->set_batches(std::string(EncodeMetadataBatch(records, 0, 0).view()));
    subscriber.connection->Send(EncodeFrame(message));
    records.clear();
    bytes = 0;
  };
  ImageToRecords(image(), [&](const pb::MetadataRecord& record) {
    if (bytes >= options_.push_bytes) send(false);
    records.push_back(record);
    bytes += static_cast<int64_t>(record.ByteSizeLong());
  });
  send(true);
  subscriber.next_offset = snapshot_offset + 1;
}

}  // namespace soliton::controller

// Applies metadata records, in log order, to a mutable image and freezes it into immutable ones.
// Unchanged topics are shared between the images frozen one after the other. One owner; not
// thread-safe. Pure.
//
// A record that contradicts the state (unknown broker, a partition epoch that is not the next one,
// ...) is an error and leaves the state as it was: whoever applies a log must then stop, never skip
// the record.
#pragma once

#include <map>
#include <memory>

#include "absl/status/status.h"
#include "controller/metadata/metadata_image.h"
#include "controller/metadata/metadata_records.pb.h"

namespace soliton::controller {

class MetadataBuilder {
 public:
  // `offset` must not be below the state's. Snapshot records all carry the snapshot's offset.
  absl::Status Apply(const pb::MetadataRecord& record, int64_t offset);

  // The state so far. Topics in it may change under the holder of a pointer: use within one event
  // only.
  const MetadataImage& state() const { return image_; }

  // Freezes the state. `delta` gets what changed since the last Build (or since construction).
  MetadataImagePtr Build(MetadataDelta* delta);

 private:
  absl::Status ApplyRegisterBroker(const pb::RegisterBroker& record);
  absl::Status ApplyBrokerChange(const pb::BrokerChange& record);
  absl::Status ApplyUnregisterBroker(const pb::UnregisterBroker& record);
  absl::Status ApplyTopic(const pb::Topic& record);
  absl::Status ApplyPartition(const pb::Partition& record);
  absl::Status ApplyPartitionChange(const pb::PartitionChange& record);
  absl::Status ApplyRemoveTopic(const pb::RemoveTopic& record);
  absl::Status ApplyTopicConfig(const pb::TopicConfig& record);
  absl::Status ApplyBrokerConfig(const pb::BrokerConfig& record);
  absl::Status ApplyProducerIds(const pb::ProducerIds& record);
  absl::Status ApplyKind(const pb::MetadataRecord& record);

  // The topic, safe to change: copied first when a frozen image shares it. nullptr when there is
  // none.
  TopicInfo* MutableTopic(const Uuid& id);
  void NotePartition(const Uuid& topic_id, int32_t partition);

  MetadataImage image_;
  MetadataDelta delta_;
  std::map<Uuid, std::shared_ptr<TopicInfo>> owned_topics_;  // not shared with any frozen image
};

// What changed from one image to another, compared by value (after a snapshot, when no delta was
// kept).
MetadataDelta DiffImages(const MetadataImage& from, const MetadataImage& to);

// Equal content at equal offsets, topics compared by value.
bool SameImages(const MetadataImage& a, const MetadataImage& b);

}  // namespace soliton::controller

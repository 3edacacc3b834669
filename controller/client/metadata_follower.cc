#include "controller/client/metadata_follower.h"

#include <fmt/format.h>

#include "controller/metadata/metadata_batch.h"

namespace soliton::controller {

absl::StatusOr<std::optional<MetadataFollower::Update>> MetadataFollower::OnPush(
    const pb::MetadataPush& push) {
  return push.is_snapshot() ? OnSnapshot(push) : OnBatches(push);
}

absl::StatusOr<std::optional<MetadataFollower::Update>> MetadataFollower::OnBatches(
    const pb::MetadataPush& push) {
  auto batches = DecodeMetadataBatches(Buffer::CopyOf(push.batches()));
  if (!batches.ok()) return batches.status();
  if (batches->empty()) return std::nullopt;
  bool any = false;
  for (const MetadataBatch& batch : *batches) {
    // Whoever subscribes again (a new broker epoch) may have been sent it before.
    if (batch.end_offset() <= next_offset()) continue;
    any = true;
    if (batch.base_offset != next_offset()) {
      return absl::DataLossError(fmt::format("metadata batch at offset {} follows offset {}",
                                             batch.base_offset, next_offset() - 1));
    }
    int64_t offset = batch.base_offset;
    for (const pb::MetadataRecord& record : batch.records) {
      if (absl::Status applied = builder_.Apply(record, offset++); !applied.ok()) return applied;
    }
  }
  if (!any) return std::nullopt;
  Update update;
  update.image = builder_.Build(&update.delta);
  image_ = update.image;
  return update;
}

absl::StatusOr<std::optional<MetadataFollower::Update>> MetadataFollower::OnSnapshot(
    const pb::MetadataPush& push) {
  if (push.snapshot_begin()) snapshot_ = std::make_unique<MetadataBuilder>();
  if (snapshot_ == nullptr) return absl::DataLossError("metadata snapshot without a beginning");
  if (push.snapshot_offset() < image_->offset) {
    return absl::DataLossError(fmt::format("metadata snapshot of offset {} after offset {}",
                                           push.snapshot_offset(), image_->offset));
  }
  auto batches = DecodeMetadataBatches(Buffer::CopyOf(push.batches()));
  if (!batches.ok()) return batches.status();
  for (const MetadataBatch& batch : *batches) {
    for (const pb::MetadataRecord& record : batch.records) {
      absl::Status applied = snapshot_->Apply(record, push.snapshot_offset());
      if (!applied.ok()) return applied;
    }
  }
  if (!push.snapshot_end()) return std::nullopt;
  builder_ = std::move(*snapshot_);
  snapshot_.reset();
  Update update;
  update.image = builder_.Build(&update.delta);
  update.delta = DiffImages(*image_, *update.image);
  image_ = update.image;
  return update;
}

}  // namespace soliton::controller

// Follows the committed metadata log from pushes and builds images. Pure; one owner.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "controller/metadata/control.pb.h"
#include "controller/metadata/metadata_builder.h"

namespace soliton::controller {

class MetadataFollower {
 public:
  struct Update {
    MetadataImagePtr image;
    MetadataDelta delta;
  };

  // A new image, or nullopt when the push completes none (a piece of a snapshot, nothing new). An
  // error means that this node cannot follow the log: it must stop, never skip.
  absl::StatusOr<std::optional<Update>> OnPush(const pb::MetadataPush& push);

  // The connection is gone: a snapshot that was on its way will begin anew.
  void OnDisconnected() { snapshot_.reset(); }

  // Where to go on.
  int64_t next_offset() const { return builder_.state().offset + 1; }
  const MetadataImagePtr& image() const { return image_; }

 private:
  absl::StatusOr<std::optional<Update>> OnBatches(const pb::MetadataPush& push);
  absl::StatusOr<std::optional<Update>> OnSnapshot(const pb::MetadataPush& push);

  MetadataBuilder builder_;
  std::unique_ptr<MetadataBuilder> snapshot_;  // being received
  MetadataImagePtr image_ = std::make_shared<const MetadataImage>();
};

}  // namespace soliton::controller

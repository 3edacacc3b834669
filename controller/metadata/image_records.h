// A whole image as records that rebuild it: the start of a metadata stream whose follower is too
// far behind (or new). Applied with MetadataBuilder at `image.offset` they give an equal image.
// Pure.
#pragma once

#include <functional>

#include "controller/metadata/metadata_image.h"
#include "controller/metadata/metadata_records.pb.h"

namespace soliton::controller {

// Calls `emit` for each record, in an order in which they can be applied.
void ImageToRecords(const MetadataImage& image,
                    const std::function<void(const pb::MetadataRecord&)>& emit);

}  // namespace soliton::controller

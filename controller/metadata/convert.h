// Between the Protobuf messages of the metadata log and the plain types of the image. Pure; any
// thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "controller/metadata/control.pb.h"
#include "controller/metadata/metadata_image.h"
#include "controller/metadata/metadata_records.pb.h"
#include "protocol/wire/error_code.h"
#include "runtime/base/uuid.h"

namespace soliton::controller {

Uuid FromPb(const pb::Id& id);
void ToPb(const Uuid& id, pb::Id* out);

PartitionInfo FromPb(const pb::PartitionState& state);
void ToPb(const PartitionInfo& partition, pb::PartitionState* out);

// Of repeated names the last one counts.
std::map<std::string, std::string> FromPb(
    const google::protobuf::RepeatedPtrField<pb::TopicSetting>& settings);
void ToPb(const std::map<std::string, std::string>& settings,
          google::protobuf::RepeatedPtrField<pb::TopicSetting>* out);

// Values outside 16 bits, which no honest peer sends, become UNKNOWN_SERVER_ERROR.
kafka::ErrorCode ErrorFromPb(int32_t code);
inline int32_t ToPb(kafka::ErrorCode code) { return static_cast<int32_t>(code); }

// "<topic>-<partition>", for messages.
std::string PartitionName(std::string_view topic, int32_t partition);

}  // namespace soliton::controller

// The control plane's bytes: requests as a controller gets them, pushes and answers as a broker
// gets them, and the records of the metadata log. Whoever reads them either refuses or ends in a
// state that can be written out and read back.
//
// Input: a byte for the reader, then messages with their length in front.
#include <cstdint>
#include <string>

#include "controller/client/metadata_follower.h"
#include "controller/client/request_conversion.h"
#include "controller/core/controller_core.h"
#include "controller/metadata/image_records.h"
#include "controller/metadata/metadata_batch.h"
#include "controller/metadata/metadata_builder.h"
#include "runtime/base/check.h"
#include "tests/fuzz/input_reader.h"
#include "tests/fuzz/repaired_batches.h"

namespace soliton::controller {
namespace {

template <class Message>
bool Parse(std::span<const uint8_t> bytes, Message* message) {
  return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

void CheckImage(const MetadataImage& image) {
  MetadataBuilder builder;
  ImageToRecords(image, [&](const pb::MetadataRecord& record) {
    const absl::Status applied = builder.Apply(record, image.offset);
    CHECK(applied.ok(), "{}: {}", applied.ToString(), record.ShortDebugString());
  });
  CHECK(image.offset < 0 || SameImages(builder.state(), image), "the image is not its records");
}

// A controller that is in charge: its log is a vector.
class Controller {
 public:
  Controller() {
    Perform(core_.Activate({.now = MonotonicTime(), .next_offset = 0}, 1, "cluster"));
  }
  void Handle(const pb::ControlRequest& request) {
    Perform(core_.Handle(request,
                         {.now = MonotonicTime(), .next_offset = next_offset_, .connection = 1}));
  }
  const MetadataImage& image() const { return core_.image(); }

 private:
  // The brain must be able to replay what it decided, as the log gives it back.
  void Perform(const ControllerResult& result) {
    if (result.records.empty()) return;
    const auto batches =
        DecodeMetadataBatches(EncodeMetadataBatch(result.records, next_offset_, 1));
    CHECK(batches.ok() && batches->size() == 1);
    for (const pb::MetadataRecord& record : batches->front().records) {
      const absl::Status replayed = core_.Replay(record, next_offset_++);
      CHECK(replayed.ok(), "{}: {}", replayed.ToString(), record.ShortDebugString());
    }
  }

  Random random_{1};
  ControllerCore core_{{.node_id = 100, .max_partitions_per_request = 100}, random_};
  int64_t next_offset_ = 0;
};

void AnswerRequests(fuzz::InputReader& in) {
  Controller controller;
  for (int requests = 0; !in.empty() && requests < 32; ++requests) {
    pb::ControlRequest request;
    if (Parse(in.Piece(), &request)) controller.Handle(request);
  }
  CheckImage(controller.image());
}

void FollowPushes(fuzz::InputReader& in) {
  MetadataFollower follower;
  for (int messages = 0; !in.empty() && messages < 32; ++messages) {
    pb::ServerMessage message;
    if (!Parse(in.Piece(), &message)) continue;
    if (message.has_push()) {
      const std::string& batches = message.push().batches();
      const Buffer repaired = fuzz::WithRightChecksums(
          std::span(reinterpret_cast<const uint8_t*>(batches.data()), batches.size()));
      message.mutable_push()->set_batches(std::string(repaired.view()));
      // After an error a node stops.
      if (!follower.OnPush(message.push()).ok()) return;
    } else if (message.has_response()) {
      (void)FromAlterPartition(message.response(), 1).status();
      (void)FromTopics(message.response(), 1).status();
      (void)FromAllocateProducerIds(message.response()).status();
    }
  }
  CheckImage(*follower.image());
}

void ApplyRecords(fuzz::InputReader& in) {
  MetadataBuilder builder;
  MetadataDelta delta;
  for (int64_t offset = 0; !in.empty() && offset < 64; ++offset) {
    pb::MetadataRecord record;
    if (!Parse(in.Piece(), &record)) continue;
    (void)builder.Apply(record, offset);  // a refused record leaves the state as it was
  }
  CheckImage(*builder.Build(&delta));
}

}  // namespace
}  // namespace soliton::controller

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace soliton;
  fuzz::InputReader in(data, size);
  switch (in.Byte() % 4) {
    case 0:
      controller::AnswerRequests(in);
      break;
    case 1:
      controller::FollowPushes(in);
      break;
    case 2:
      controller::ApplyRecords(in);
      break;
    default:
      (void)controller::DecodeMetadataBatches(fuzz::WithRightChecksums(in.Rest())).status();
  }
  return 0;
}

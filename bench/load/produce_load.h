// A closed-loop produce load: one record batch, encoded once, is sent again and again to every
// partition of a topic, `in_flight` requests each. Not idempotent: the bytes are always the same.
// Any error ends the load. Lives on one shard; `done` runs there.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "bench/load/load_options.h"
#include "bench/load/raw_connection.h"
#include "bench/load/topic_leaders.h"
#include "runtime/base/buffer.h"
#include "runtime/ports.h"

namespace soliton::bench {

// Records of `record_bytes` until the next one would take the batch beyond `batch_bytes`.
Buffer MakeLoadBatch(int64_t batch_bytes, int64_t record_bytes, int64_t timestamp_ms);

class ProduceLoad {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<LoadFigures>)>;

  ProduceLoad(const Ports& ports, Shard& shard, const ProduceLoadOptions& options, Done done);
  ~ProduceLoad();

  // Runs once, when every connection stands and before the first request.
  void OnBegin(absl::AnyInvocable<void()> callback) { on_begin_ = std::move(callback); }

 private:
  struct Lane {  // one partition
    RawConnection* connection = nullptr;
    Buffer head;  // of the request, up to the records; the correlation id is patched in
    std::vector<Buffer> rest;  // the records and what follows them
  };

  void OnLeaders(absl::StatusOr<TopicLeaders> leaders);
  void OnReady();
  void FillOneWay();
  void SendOne(int32_t partition, Lane& lane);
  void OnAnswer(RawConnection::Answer answer);
  void OnDrained();
  // Whether another request may be sent.
  bool WantsMore() const;
  void Finish(absl::Status status);

  const Ports ports_;
  Shard& shard_;
  const ProduceLoadOptions options_;
  Done done_;
  absl::AnyInvocable<void()> on_begin_;
  std::unique_ptr<TopicLeadersQuestion> question_;
  Buffer batch_;
  std::vector<std::unique_ptr<RawConnection>> connections_;
  size_t ready_ = 0;
  std::map<int32_t, Lane> lanes_;
  MonotonicTime started_;
  int64_t sent_bytes_ = 0;
  int64_t outstanding_ = 0;
  LoadFigures figures_;
};

}  // namespace soliton::bench

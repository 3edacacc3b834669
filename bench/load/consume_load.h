// A consume load: one fetch in flight per leader, for all partitions that it leads, from the log
// start on. Counts bytes; looks at batch headers only to learn where to go on. Any error ends the
// load. Lives on one shard; `done` runs there.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "bench/load/load_options.h"
#include "bench/load/raw_connection.h"
#include "bench/load/topic_leaders.h"
#include "protocol/messages/fetch.h"
#include "runtime/ports.h"

namespace soliton::bench {

// The offset behind the whole batches that `records` begins with; `fetch_offset` when there is
// none. kDataLoss when they cannot be batches.
absl::StatusOr<int64_t> OffsetBehind(const Buffer& records, int64_t fetch_offset);

class ConsumeLoad {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<LoadFigures>)>;

  ConsumeLoad(const Ports& ports, Shard& shard, const ConsumeLoadOptions& options, Done done);
  ~ConsumeLoad();

  // Runs once, when every connection stands and before the first request.
  void OnBegin(absl::AnyInvocable<void()> callback) { on_begin_ = std::move(callback); }

 private:
  struct Lane {  // one partition
    int64_t next_offset = 0;
    int64_t start_offset = 0;
    int64_t end_offset = -1;  // first high watermark seen
    bool done = false;        // read to its end, without a limit
  };
  struct Leader {
    std::unique_ptr<RawConnection> connection;
    std::map<int32_t, Lane> lanes;
    bool waiting = false;  // for an answer
  };

  void OnLeaders(absl::StatusOr<TopicLeaders> leaders);
  void OnReady();
  void SendFetch(int32_t index);
  void OnAnswer(RawConnection::Answer answer);
  absl::Status Take(Lane& lane, const kafka::FetchResponse::PartitionData& data);
  bool limited() const {
    return options_.limit.bytes > 0 || options_.limit.time > Duration::zero();
  }
  bool LimitReached() const;
  void Finish(absl::Status status);

  const Ports ports_;
  Shard& shard_;
  const ConsumeLoadOptions options_;
  Done done_;
  absl::AnyInvocable<void()> on_begin_;
  std::unique_ptr<TopicLeadersQuestion> question_;
  std::vector<Leader> leaders_;
  size_t ready_ = 0;
  MonotonicTime started_;
  LoadFigures figures_;
};

}  // namespace soliton::bench

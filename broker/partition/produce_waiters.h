// Produce requests with acks=all that wait for the high watermark. Owned by one Partition.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "protocol/wire/error_code.h"

namespace soliton::broker {

class ProduceWaiters {
 public:
  using Done = absl::AnyInvocable<void(kafka::ErrorCode)>;

  // `done` runs once, when everything below `required_offset` is committed or the partition gives
  // up.
  void Add(int64_t required_offset, Done done);
  // Completes, in offset order, what the high watermark now covers.
  void Complete(int64_t high_watermark, kafka::ErrorCode result);
  // Leadership was lost or the log failed: what happened to these records is unknown to this
  // broker.
  void FailAll(kafka::ErrorCode error);
  size_t size() const { return waiting_.size(); }

 private:
  struct Waiter {
    int64_t required_offset;
    Done done;
  };

  // By offset, and in order of arrival where that is the same.
  std::deque<Waiter> waiting_;
};

}  // namespace soliton::broker

#include "broker/partition/produce_waiters.h"

#include <iterator>
#include <utility>

namespace soliton::broker {

void ProduceWaiters::Add(int64_t required_offset, Done done) {
  // Appends come in the order of their offsets, but for one that a retry repeats.
  auto behind = waiting_.end();
  while (behind != waiting_.begin() && std::prev(behind)->required_offset > required_offset) {
    --behind;
  }
  waiting_.insert(behind, {required_offset, std::move(done)});
}

void ProduceWaiters::Complete(int64_t high_watermark, kafka::ErrorCode result) {
  while (!waiting_.empty() && waiting_.front().required_offset <= high_watermark) {
    Done done = std::move(waiting_.front().done);
    waiting_.pop_front();
    done(result);
  }
}

void ProduceWaiters::FailAll(kafka::ErrorCode error) {
  std::deque<Waiter> waiting = std::exchange(waiting_, {});
  for (Waiter& waiter : waiting) waiter.done(error);
}

}  // namespace soliton::broker

#include "broker/partition/produce_waiters.h"

namespace soliton::broker {

void ProduceWaiters::Complete(int64_t high_watermark, kafka::ErrorCode result) {
  while (!waiting_.empty() && waiting_.begin()->first.first <= high_watermark) {
    Done done = std::move(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    done(result);
  }
}

void ProduceWaiters::FailAll(kafka::ErrorCode error) {
  auto waiting = std::move(waiting_);
  waiting_.clear();
  for (auto& [key, done] : waiting) done(error);
}

}  // namespace soliton::broker

#include "broker/producer_ids.h"

namespace soliton::broker {

void ProducerIds::Next(Done done) {
  if (next_ < end_) {
    done(next_++);
    return;
  }
  waiting_.push_back(std::move(done));
  Refill();
}

void ProducerIds::Refill() {
  if (asking_) return;
  asking_ = true;
  controller_.AllocateProducerIds([this](absl::StatusOr<controller::ProducerIdBlock> block) {
    asking_ = false;
    if (block.ok()) {
      next_ = block->first;
      end_ = block->first + block->count;
    }
    std::deque<Done> waiting = std::move(waiting_);
    waiting_.clear();
    for (Done& done : waiting) {
      if (block.ok()) {
        Next(std::move(done));
      } else {
        done(block.status());
      }
    }
  });
}

}  // namespace soliton::broker

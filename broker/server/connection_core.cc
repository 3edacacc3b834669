#include "broker/server/connection_core.h"

#include "runtime/base/check.h"

namespace soliton::broker {

uint64_t ConnectionCore::OpenSlot(MemoryBudget::Class what, int64_t bytes) {
  Slot& slot = slots_.emplace_back();
  slot.what = what;
  slot.request_bytes = bytes;
  request_bytes_[static_cast<size_t>(what)] += bytes;
  if (what == MemoryBudget::Class::kReplica) ++replica_slots_;
  return first_slot_ + slots_.size() - 1;
}

void ConnectionCore::Fill(uint64_t slot, std::optional<BufferChain> response,
                          absl::FunctionRef<void(BufferChain)> send) {
  CHECK(slot >= first_slot_ && slot < first_slot_ + slots_.size(), "no open slot {}", slot);
  Slot& filled = slots_[slot - first_slot_];
  CHECK(!filled.filled, "slot {} answered twice", slot);
  filled.filled = true;
  request_bytes_[static_cast<size_t>(filled.what)] -= filled.request_bytes;
  if (slot == first_slot_) {
    // The usual case: it leaves at once.
    if (response) send(*std::move(response));
    PopFront();
  } else {
    filled.response = std::move(response);
    if (filled.response) held_bytes_ += filled.response->size_bytes();
  }
  while (!slots_.empty() && slots_.front().filled) {
    if (slots_.front().response) {
      held_bytes_ -= slots_.front().response->size_bytes();
      send(std::move(*slots_.front().response));
    }
    PopFront();
  }
}

void ConnectionCore::PopFront() {
  if (slots_.front().what == MemoryBudget::Class::kReplica) --replica_slots_;
  slots_.pop_front();
  ++first_slot_;
}

}  // namespace soliton::broker

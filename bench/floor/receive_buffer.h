// Bytes of a connection between the socket and the log: page-aligned, received into at the end and
// consumed from the front. Moves what is left only when the room behind it has become too small for
// the frame that it begins. One owner.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "runtime/base/check.h"

namespace soliton::floor {

class ReceiveBuffer {
 public:
  explicit ReceiveBuffer(size_t capacity)
      : capacity_((capacity + kPageBytes - 1) / kPageBytes * kPageBytes),
        bytes_(static_cast<uint8_t*>(std::aligned_alloc(kPageBytes, capacity_))) {
    CHECK(bytes_ != nullptr, "no memory for {} bytes", capacity_);
  }

  std::span<const uint8_t> received() const { return {bytes_.get() + begin_, end_ - begin_}; }
  // Where to receive to. Never empty while what was received is shorter than the capacity.
  std::span<uint8_t> room() { return {bytes_.get() + end_, capacity_ - end_}; }
  void Filled(size_t count) { end_ += count; }
  void Consume(size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  // Makes room() and received() together hold at least `size`, up to the capacity.
  void Need(size_t size) {
    CHECK(size <= capacity_, "a frame of {} bytes in a buffer of {}", size, capacity_);
    if (begin_ + size <= capacity_) return;
    std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }

 private:
  static constexpr size_t kPageBytes = 4096;

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  size_t capacity_;
  std::unique_ptr<uint8_t, Free> bytes_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace soliton::floor

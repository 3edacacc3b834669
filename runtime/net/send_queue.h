// Frames on their way to one socket, in order: memory leaves by gathered writes, file regions by
// sendfile. One owner; the descriptor must be a non-blocking stream socket.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <variant>

#include "absl/status/statusor.h"
#include "runtime/base/buffer_chain.h"

namespace soliton {

class SendQueue {
 public:
  enum class Progress {
    kDrained,  // nothing is left
    kBlocked,  // the socket takes no more now: wait until it is writable
    kPartial,  // the budget is used up: give others a turn, then go on
  };

  // Queues the frame behind its length prefix.
  void Push(const BufferChain& frame);

  // Writes until done, blocked, or about `budget_bytes` have gone. kUnavailable: the peer is gone.
  // Other errors: a region could not be read, so the frame cannot be finished and the connection
  // has to close.
  absl::StatusOr<Progress> WriteSome(int socket, int64_t budget_bytes);

  int64_t unsent_bytes() const { return unsent_bytes_; }
  void Clear();

 private:
  using LengthPrefix = std::array<uint8_t, 4>;
  // Small frames with their prefixes, one behind the other: a copy costs less than two pieces.
  struct Block {
    Buffer memory;
    size_t filled = 0;
  };
  using Piece = std::variant<LengthPrefix, Buffer, FileRegion, Block>;

  // Whether the frame went into a block.
  bool PushIntoBlock(const BufferChain& frame, const LengthPrefix& prefix);

  static std::span<const uint8_t> MemoryOf(const Piece& piece);

  // Both return the bytes that the socket took; 0 when it is full.
  absl::StatusOr<int64_t> SendMemory(int socket);
  absl::StatusOr<int64_t> SendFile(int socket, int64_t budget_bytes);
  // Turns the regions at the front that are not worth a sendfile into memory.
  absl::Status LoadSmallRegions();
  // Replaces the first bytes of the region at `index` by memory.
  absl::Status LoadRegion(size_t index, int64_t max_bytes);
  void DropFront(int64_t bytes);

  std::deque<Piece> pieces_;
  // Of the first piece, when it is memory; a region is cut instead.
  size_t front_sent_bytes_ = 0;
  int64_t unsent_bytes_ = 0;
};

}  // namespace soliton

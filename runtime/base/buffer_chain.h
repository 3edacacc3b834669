// An ordered sequence of memory and file pieces: one outgoing frame. The transport sends memory
// with writev and regions with sendfile, in order. Not thread-safe; move it to whoever sends it.
#pragma once

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/buffer.h"
#include "runtime/base/file_region.h"

namespace soliton {

class BufferChain {
 public:
  using Piece = std::variant<Buffer, FileRegion>;

  BufferChain() = default;
  explicit BufferChain(Buffer buffer)
      : first_(std::move(buffer)), size_bytes_(static_cast<int64_t>(first_.size())) {}

  void Append(Buffer buffer);      // empty buffers are dropped
  void Append(FileRegion region);  // empty regions are dropped
  void Append(BufferChain chain);

  int64_t size_bytes() const { return size_bytes_; }
  bool empty() const { return size_bytes_ == 0; }
  size_t piece_count() const { return rest_.size() + (first_.empty() ? 0 : 1); }
  // The memory of a chain that is one piece of it; nullptr otherwise.
  const Buffer* single() const { return rest_.empty() && !first_.empty() ? &first_ : nullptr; }
  // The same memory, and the chain is empty; also of an empty chain.
  Buffer TakeSingle() {
    size_bytes_ = 0;
    return std::exchange(first_, Buffer());
  }

  // In order: on_memory(const Buffer&) or on_region(const FileRegion&) of each piece.
  template <class OnMemory, class OnRegion>
  void ForEachPiece(OnMemory on_memory, OnRegion on_region) const {
    if (!first_.empty()) on_memory(first_);
    for (const Piece& piece : rest_) {
      if (const auto* memory = std::get_if<Buffer>(&piece)) {
        on_memory(*memory);
      } else {
        on_region(std::get<FileRegion>(piece));
      }
    }
  }
  // All pieces, sharing what they refer to.
  std::vector<Piece> pieces() const;

  // All bytes in one Buffer; regions are read from their files. Costs a copy unless the chain is
  // one Buffer.
  absl::StatusOr<Buffer> Flatten() const;

 private:
  // Most chains are one piece of memory: it stands apart, so that they take no allocation and move
  // cheaply. Empty when the chain begins with a region.
  Buffer first_;
  std::vector<Piece> rest_;
  int64_t size_bytes_ = 0;
};

}  // namespace soliton

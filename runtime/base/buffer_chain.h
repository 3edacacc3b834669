// An ordered sequence of memory and file pieces: one outgoing frame. The transport sends memory
// with writev and regions with sendfile, in order. Not thread-safe; move it to whoever sends it.
#pragma once

#include <cstdint>
#include <string_view>
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
  explicit BufferChain(Buffer buffer) { Append(std::move(buffer)); }

  void Append(Buffer buffer);      // empty buffers are dropped
  void Append(FileRegion region);  // empty regions are dropped
  void Append(BufferChain chain);

  int64_t size_bytes() const { return size_bytes_; }
  bool empty() const { return size_bytes_ == 0; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  std::vector<Piece>& mutable_pieces() { return pieces_; }

  // All bytes in one Buffer; regions are read from their files. Costs a copy unless the chain is
  // one Buffer.
  absl::StatusOr<Buffer> Flatten() const;

 private:
  std::vector<Piece> pieces_;
  int64_t size_bytes_ = 0;
};

}  // namespace soliton

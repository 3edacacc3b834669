#include "runtime/file/copy_file.h"

namespace soliton {

absl::Status CopyDurably(const File& from, int64_t position, File& to) {
  constexpr size_t kChunkBytes = size_t{1} << 20;
  while (true) {
    Buffer chunk = Buffer::Allocate(kChunkBytes);
    const absl::StatusOr<size_t> count =
        from.ReadAt(position, std::span(chunk.mutable_data(), chunk.size()));
    if (!count.ok()) return count.status();
    if (*count == 0) return to.Sync();
    const Buffer piece = chunk.Slice(0, *count);
    if (absl::Status status = to.Append(std::span(&piece, 1)); !status.ok()) return status;
    position += static_cast<int64_t>(*count);
  }
}

}  // namespace soliton

#include "runtime/base/buffer_chain.h"

#include <cstring>

#include "runtime/base/check.h"
#include "runtime/file/file_system.h"

namespace soliton {
namespace {

absl::Status ReadRegion(const FileRegion& region, std::span<uint8_t> out) {
  absl::StatusOr<size_t> count = region.file->ReadAt(region.position, out);
  if (!count.ok()) return count.status();
  if (*count != out.size()) {
    return absl::DataLossError(fmt::format("{}: {} of {} bytes at position {}: file is too short",
                                           region.file->path(), *count, out.size(),
                                           region.position));
  }
  return absl::OkStatus();
}

}  // namespace

void BufferChain::Append(Buffer buffer) {
  if (buffer.empty()) return;
  const bool is_first = empty();
  size_bytes_ += static_cast<int64_t>(buffer.size());
  if (is_first) {
    first_ = std::move(buffer);
  } else {
    rest_.emplace_back(std::move(buffer));
  }
}

void BufferChain::Append(FileRegion region) {
  CHECK(region.length >= 0 && region.position >= 0, "file region [{}, +{})", region.position,
        region.length);
  if (region.length == 0) return;
  CHECK(region.file != nullptr, "file region without a file");
  size_bytes_ += region.length;
  rest_.emplace_back(std::move(region));
}

void BufferChain::Append(BufferChain chain) {
  if (empty()) {
    *this = std::move(chain);
    return;
  }
  size_bytes_ += chain.size_bytes_;
  if (!chain.first_.empty()) rest_.emplace_back(std::move(chain.first_));
  for (Piece& piece : chain.rest_) rest_.push_back(std::move(piece));
}

std::vector<BufferChain::Piece> BufferChain::pieces() const {
  std::vector<Piece> all;
  all.reserve(piece_count());
  ForEachPiece([&all](const Buffer& memory) { all.emplace_back(memory); },
               [&all](const FileRegion& region) { all.emplace_back(region); });
  return all;
}

absl::StatusOr<Buffer> BufferChain::Flatten() const {
  if (empty()) return Buffer();
  if (const Buffer* only = single()) return *only;
  Buffer whole = Buffer::Allocate(static_cast<size_t>(size_bytes_));
  uint8_t* out = whole.mutable_data();
  absl::Status read;
  ForEachPiece(
      [&out](const Buffer& memory) {
        std::memcpy(out, memory.data(), memory.size());
        out += memory.size();
      },
      [&out, &read](const FileRegion& region) {
        if (read.ok()) read = ReadRegion(region, {out, static_cast<size_t>(region.length)});
        out += region.length;
      });
  if (!read.ok()) return read;
  return whole;
}

}  // namespace soliton

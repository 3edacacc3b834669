#include "runtime/base/buffer_chain.h"

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
  size_bytes_ += static_cast<int64_t>(buffer.size());
  pieces_.emplace_back(std::move(buffer));
}

void BufferChain::Append(FileRegion region) {
  CHECK(region.length >= 0 && region.position >= 0, "file region [{}, +{})", region.position,
        region.length);
  if (region.length == 0) return;
  CHECK(region.file != nullptr, "file region without a file");
  size_bytes_ += region.length;
  pieces_.emplace_back(std::move(region));
}

void BufferChain::Append(BufferChain chain) {
  size_bytes_ += chain.size_bytes_;
  if (pieces_.empty()) {
    pieces_ = std::move(chain.pieces_);
    return;
  }
  for (Piece& piece : chain.pieces_) pieces_.push_back(std::move(piece));
}

absl::StatusOr<Buffer> BufferChain::Flatten() const {
  if (pieces_.empty()) return Buffer();
  if (pieces_.size() == 1) {
    if (const Buffer* only = std::get_if<Buffer>(&pieces_[0])) return *only;
  }
  Buffer whole = Buffer::Allocate(static_cast<size_t>(size_bytes_));
  uint8_t* out = whole.mutable_data();
  for (const Piece& piece : pieces_) {
    if (const Buffer* buffer = std::get_if<Buffer>(&piece)) {
      std::memcpy(out, buffer->data(), buffer->size());
      out += buffer->size();
      continue;
    }
    const FileRegion& region = std::get<FileRegion>(piece);
    absl::Status read = ReadRegion(region, {out, static_cast<size_t>(region.length)});
    if (!read.ok()) return read;
    out += region.length;
  }
  return whole;
}

}  // namespace soliton

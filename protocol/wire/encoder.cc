#include "protocol/wire/encoder.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace soliton::kafka {

Encoder::Encoder(size_t capacity_bytes)
    : block_(Buffer::Allocate(capacity_bytes)),
      flushed_(block_.mutable_data()),
      cursor_(flushed_),
      limit_(flushed_ + capacity_bytes) {}

void Encoder::Raw(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return;
  if (static_cast<size_t>(limit_ - cursor_) < bytes.size()) Grow(bytes.size());
  std::memcpy(cursor_, bytes.data(), bytes.size());
  cursor_ += bytes.size();
}

void Encoder::External(const BufferChain& chain) {
  for (const BufferChain::Piece& piece : chain.pieces()) {
    const Buffer* buffer = std::get_if<Buffer>(&piece);
    if (buffer != nullptr && buffer->size() < kCopyRecordsBelowBytes) {
      Raw(buffer->span());
      continue;
    }
    FlushBlock();
    if (buffer != nullptr) {
      chain_.Append(*buffer);
    } else {
      chain_.Append(std::get<FileRegion>(piece));
    }
  }
}

BufferChain Encoder::Finish() {
  FlushBlock();
  return std::exchange(chain_, BufferChain());
}

void Encoder::Grow(size_t bytes) {
  FlushBlock();
  const size_t capacity = std::max({bytes, 2 * block_.size(), size_t{256}});
  block_ = Buffer::Allocate(capacity);
  flushed_ = cursor_ = block_.mutable_data();
  limit_ = cursor_ + capacity;
}

void Encoder::FlushBlock() {
  if (cursor_ == flushed_) return;
  const size_t offset = static_cast<size_t>(flushed_ - block_.data());
  chain_.Append(block_.Slice(offset, static_cast<size_t>(cursor_ - flushed_)));
  flushed_ = cursor_;
}

}  // namespace soliton::kafka

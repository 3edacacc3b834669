#include "protocol/wire/encoder.h"

#include <algorithm>
#include <utility>

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
  chain.ForEachPiece(
      [this](const Buffer& memory) {
        if (memory.size() < kCopyRecordsBelowBytes) return Raw(memory.span());
        FlushBlock();
        chain_.Append(memory);
      },
      [this](const FileRegion& region) {
        FlushBlock();
        chain_.Append(region);
      });
}

BufferChain Encoder::Finish() {
  const size_t offset = static_cast<size_t>(flushed_ - block_.data());
  const size_t length = static_cast<size_t>(cursor_ - flushed_);
  flushed_ = cursor_ = limit_ = nullptr;
  chain_.Append(std::exchange(block_, Buffer()).Slice(offset, length));
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

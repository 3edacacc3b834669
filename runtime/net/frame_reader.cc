#include "runtime/net/frame_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/base/check.h"
#include "runtime/base/endian.h"
#include "runtime/net/foreign_protocol.h"

namespace soliton {

void FrameReader::EnsureRoom(size_t chunk_bytes) {
  const size_t left = end_ - begin_;
  const size_t room = chunk_.size() - end_;
  // A frame whose length is known and that fits in the chunk keeps it; Next() has seen to the
  // others.
  if (room >= kMinRoomBytes || (room > 0 && left >= kPrefixBytes)) return;
  Buffer fresh = Buffer::Allocate(chunk_bytes);
  if (left > 0) std::memcpy(fresh.mutable_data(), chunk_.data() + begin_, left);
  chunk_ = std::move(fresh);
  begin_ = 0;
  end_ = left;
}

FrameReader::Space FrameReader::Prepare() {
  if (!BodyUnderConstruction()) {
    EnsureRoom(chunk_bytes_);
    return {{chunk_.mutable_data() + end_, chunk_.size() - end_}, {}};
  }
  // The tail of the body together with what follows it. After a large frame another one is likely,
  // so only a small part, which would have to be copied, is read ahead.
  const bool large = body_.size() >= kLargeFrameBytes;
  EnsureRoom(large ? kMinChunkBytes : chunk_bytes_);
  size_t room = chunk_.size() - end_;
  if (large) room = std::min(room, kMinChunkBytes);
  return {{body_.mutable_data() + body_filled_, body_.size() - body_filled_},
          {chunk_.mutable_data() + end_, room}};
}

void FrameReader::Commit(size_t bytes) {
  if (BodyUnderConstruction()) {
    if (body_.size() >= kLargeFrameBytes) chunk_bytes_ = kMinChunkBytes;
    const size_t to_body = std::min(bytes, body_.size() - body_filled_);
    body_filled_ += to_body;
    end_ += bytes - to_body;
    return;
  }
  const size_t room = chunk_.size() - end_;
  end_ += bytes;
  if (bytes == room) {
    chunk_bytes_ = std::min(chunk_bytes_ * 2, kMaxChunkBytes);
  } else if (bytes < chunk_bytes_ / 8) {
    chunk_bytes_ = std::max(chunk_bytes_ / 2, kMinChunkBytes);
  }
  DCHECK(end_ <= chunk_.size(), "{} bytes committed beyond the chunk", end_ - chunk_.size());
}

absl::StatusOr<size_t> FrameReader::FrontLength() const {
  const uint8_t* at = chunk_.data() + begin_;
  const auto length = LoadBigEndian<int32_t>(at);
  if (length >= 0 && length <= max_frame_bytes_) return static_cast<size_t>(length);
  const std::string_view foreign = ForeignProtocol({at, kPrefixBytes});
  if (!foreign.empty()) {
    return absl::InvalidArgumentError(fmt::format(
        "the peer speaks {}, but this listener is PLAINTEXT and speaks the Kafka protocol only",
        foreign));
  }
  return absl::InvalidArgumentError(
      fmt::format("frame length {} is out of bounds (at most {} bytes are accepted)", length,
                  max_frame_bytes_));
}

absl::StatusOr<std::optional<FrameReader::Head>> FrameReader::NextHead() const {
  const size_t available = end_ - begin_;
  if (!body_.empty() || available < kPrefixBytes) return std::nullopt;
  const absl::StatusOr<size_t> length = FrontLength();
  if (!length.ok()) return length.status();
  const bool fits = kPrefixBytes + *length <= chunk_.size() - begin_;
  const size_t head = fits ? *length : std::min(*length, kHeadBytes);
  if (available < kPrefixBytes + head) return std::nullopt;
  return Head{static_cast<int64_t>(*length), {chunk_.data() + begin_ + kPrefixBytes, head}};
}

absl::StatusOr<std::optional<Buffer>> FrameReader::Next() {
  if (!body_.empty()) {
    if (BodyUnderConstruction()) return std::nullopt;
    body_filled_ = 0;
    return std::exchange(body_, Buffer());
  }
  const size_t available = end_ - begin_;
  if (available < kPrefixBytes) return std::nullopt;
  const absl::StatusOr<size_t> length = FrontLength();
  if (!length.ok()) return length.status();
  const size_t whole = kPrefixBytes + *length;
  if (available >= whole) {
    Buffer frame = chunk_.Slice(begin_ + kPrefixBytes, *length);
    begin_ += whole;
    return frame;
  }
  if (whole <= chunk_.size() - begin_) return std::nullopt;
  body_ = Buffer::Allocate(*length);
  body_filled_ = available - kPrefixBytes;
  std::memcpy(body_.mutable_data(), chunk_.data() + begin_ + kPrefixBytes, body_filled_);
  begin_ = end_;
  return std::nullopt;
}

}  // namespace soliton

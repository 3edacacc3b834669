// Cuts a byte stream into frames (4-byte big-endian length, then the body), pure: no socket. One
// owner.
//
//   Prepare() says where the next bytes go, Commit() that they have arrived, Next() hands out whole
//   frames.
//
// Small frames are slices of a chunk that one read filled, so many of them cost one system call and
// no copy. A frame that does not fit in the rest of the chunk gets a buffer of its exact size: what
// has arrived of it (a few KiB at most while large frames follow each other) is copied, the rest is
// read in place. At most one body is under construction. A slice keeps its whole chunk (up to 128
// KiB) alive: whoever stores a small frame for long copies it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "runtime/base/buffer.h"

namespace soliton {

class FrameReader {
 public:
  explicit FrameReader(int64_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes) {}

  // Bytes go to `first`, then to `second` (which may be empty). Valid until the next call of
  // Prepare.
  struct Space {
    std::span<uint8_t> first;
    std::span<uint8_t> second;
  };
  Space Prepare();
  void Commit(size_t bytes);

  // The next whole frame, without its prefix; nullopt when bytes are missing; kInvalidArgument when
  // the length is out of bounds, from then on at every call.
  absl::StatusOr<std::optional<Buffer>> Next();

  // The frame that Next() would begin, before memory is taken for it: its length and its first
  // bytes (all of it, when it fits in the chunk). nullopt while too little of it has arrived, or
  // when its body is under construction already. Errors as Next().
  struct Head {
    int64_t frame_bytes = 0;
    std::span<const uint8_t> bytes;
  };
  absl::StatusOr<std::optional<Head>> NextHead() const;

  // Whether the stream stands between two frames: an end of stream here cuts none.
  bool at_frame_boundary() const { return body_.empty() && begin_ == end_; }
  // What has arrived of frames that were not handed out.
  int64_t partial_bytes() const {
    return static_cast<int64_t>((body_.empty() ? 0 : kPrefixBytes + body_filled_) +
                                (end_ - begin_));
  }

 private:
  static constexpr size_t kPrefixBytes = 4;
  // Enough of a request to see what it is and who sends it.
  static constexpr size_t kHeadBytes = 48;
  static constexpr size_t kMinChunkBytes = 4 * 1024;
  static constexpr size_t kMaxChunkBytes = 128 * 1024;
  // From here on a frame is read in place, with little of it passing through the chunk.
  static constexpr size_t kLargeFrameBytes = 16 * 1024;
  // A chunk with less room than this is replaced rather than filled up.
  static constexpr size_t kMinRoomBytes = 512;

  bool BodyUnderConstruction() const { return body_filled_ < body_.size(); }
  // The length of the frame at begin_; its prefix has arrived.
  absl::StatusOr<size_t> FrontLength() const;
  // Makes room behind end_: a new chunk when the present one is nearly used up.
  void EnsureRoom(size_t chunk_bytes);

  const int64_t max_frame_bytes_;
  // Read but not handed out: [begin_, end_) of chunk_.
  Buffer chunk_;
  size_t begin_ = 0;
  size_t end_ = 0;
  // The large frame under construction; the stream continues in chunk_ behind it.
  Buffer body_;
  size_t body_filled_ = 0;
  // Grows while reads fill their chunks, shrinks when they do not: an idle connection holds little.
  size_t chunk_bytes_ = kMinChunkBytes;
};

}  // namespace soliton

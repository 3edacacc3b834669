// Cuts a byte stream into frames (4-byte big-endian length, then the body), pure: no socket. One
// owner.
//
//   Prepare() says where the next bytes go, Commit() that they have arrived, Next() hands out whole
//   frames.
//
// Small frames are slices of a chunk that one read filled, so many of them cost one system call and
// no copy. A frame that does not fit in the rest of the chunk gets a buffer of its exact size: what
// has arrived of it (a few KiB at most while large frames follow each other) is copied, the rest is
// read in place. At most one body is under construction. A slice keeps its whole chunk (up to 64
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

  // Whether the stream stands between two frames: an end of stream here cuts none.
  bool at_frame_boundary() const { return body_.empty() && begin_ == end_; }

 private:
  static constexpr size_t kPrefixBytes = 4;
  static constexpr size_t kMinChunkBytes = 4 * 1024;
  static constexpr size_t kMaxChunkBytes = 64 * 1024;
  // From here on a frame is read in place, with little of it passing through the chunk.
  static constexpr size_t kLargeFrameBytes = 16 * 1024;
  // A chunk with less room than this is replaced rather than filled up.
  static constexpr size_t kMinRoomBytes = 512;

  bool BodyUnderConstruction() const { return body_filled_ < body_.size(); }
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

// Pull decompression of one record payload: output arrives in chunks of bounded size, whatever the
// payload claims or expands to, so a decompression bomb costs time up to the caller's limit and no
// memory. One owner, one use; not thread-safe.
//
// Accepted, and nothing else (other readers would see other records than we do):
//   none    the bytes themselves, one chunk
//   gzip    one member
//   snappy  one raw block (librdkafka), or xerial framing (Java and most others), told apart by the
//   magic. Raw
//           snappy expands at most 22-fold, so a block is decoded whole; a larger claim is refused
//           unread
//   lz4     one frame, version 1, independent blocks, no dictionary; checksums verified
//   zstd    one frame, with or without content size, window at most 128 MiB (touched only as output
//   fills it)
// Bytes after the end of the stream are an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "protocol/record/codec.h"

namespace soliton::kafka {

class Decompressor {
 public:
  // The output of one Next() except for `none` and snappy.
  static constexpr size_t kChunkBytes = 64 * 1024;

  virtual ~Decompressor() = default;

  // The next piece of output, valid until the next call; empty exactly at the verified end of the
  // stream. kDataLoss when the payload is no such stream; stays so.
  virtual absl::StatusOr<std::span<const uint8_t>> Next() = 0;

  // `from` must outlive the decompressor. kDataLoss when `codec` is a number that no codec has.
  static absl::StatusOr<std::unique_ptr<Decompressor>> Create(Codec codec,
                                                              std::span<const uint8_t> from);
};

// The bytes themselves; cannot fail.
class PlainPayload final : public Decompressor {
 public:
  explicit PlainPayload(std::span<const uint8_t> from) : from_(from) {}
  absl::StatusOr<std::span<const uint8_t>> Next() override { return std::exchange(from_, {}); }

 private:
  std::span<const uint8_t> from_;
};

}  // namespace soliton::kafka

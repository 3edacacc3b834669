// The value of a `records` field: null, or bytes that are never copied or re-encoded on the way
// through. A decoded one is a slice of the received frame; one to be sent may also hold regions of
// segment files. Not thread-safe; the bytes behind it are shared like any Buffer's.
#pragma once

#include <cstdint>
#include <utility>

#include "runtime/base/buffer.h"
#include "runtime/base/buffer_chain.h"
#include "runtime/base/file_region.h"

namespace soliton::kafka {

class Records {
 public:
  Records() = default;  // null
  explicit Records(Buffer bytes) : present_(true), chain_(std::move(bytes)) {}
  explicit Records(BufferChain chain) : present_(true), chain_(std::move(chain)) {}
  static Records Empty() { return Records(BufferChain()); }

  bool is_null() const { return !present_; }
  // Zero when null.
  int64_t size_bytes() const { return chain_.size_bytes(); }
  const BufferChain& chain() const { return chain_; }

  // The bytes of a decoded field, without a copy; empty when null or empty. CHECKs that they lie in
  // one piece of memory, which is so for everything the Decoder made.
  const Buffer& buffer() const;
  // The same, and these records are null afterwards.
  Buffer TakeBuffer();

  // Equal null-ness and equal content. Memory is compared byte by byte however it is cut into
  // pieces; a file region equals only a region of the same file, position and length.
  friend bool operator==(const Records& a, const Records& b);

 private:
  bool present_ = false;
  BufferChain chain_;
};

}  // namespace soliton::kafka

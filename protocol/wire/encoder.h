// Writes one message body (or header and body) into memory that it allocates, and hands it out as a
// BufferChain: records that are large or lie in files stand between pieces of that memory,
// uncopied. With a capacity from SizeCounter::copied_bytes() there is exactly one allocation. Not
// thread-safe; use once.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "protocol/wire/size_counter.h"
#include "protocol/wire/wire_writer.h"
#include "runtime/base/buffer.h"
#include "runtime/base/buffer_chain.h"
#include "runtime/base/endian.h"

namespace soliton::kafka {

class Encoder : public WireWriter<Encoder> {
 public:
  explicit Encoder(size_t capacity_bytes = 256);
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  template <class T>
  void Fixed(T value) {
    if (static_cast<size_t>(limit_ - cursor_) < sizeof(T)) [[unlikely]]
      Grow(sizeof(T));
    StoreBigEndian(cursor_, value);
    cursor_ += sizeof(T);
  }
  void Raw(std::span<const uint8_t> bytes);
  void External(const BufferChain& chain);

  template <class WriteValue>
  void TaggedField(uint32_t tag, WriteValue write) {
    SizeCounter size;
    write(size);
    UnsignedVarint(tag);
    UnsignedVarint(static_cast<uint32_t>(size.total_bytes()));
    write(*this);
  }

  // Everything written so far; the encoder is empty afterwards.
  BufferChain Finish();

 private:
  // Makes room for `bytes` more in a new block; what was written stays where it is.
  void Grow(size_t bytes);
  // Moves the written part of the block that is not in the chain yet to the chain.
  void FlushBlock();

  BufferChain chain_;
  Buffer block_;
  uint8_t* flushed_;  // within block_: everything before is in chain_
  uint8_t* cursor_;   // within block_: where the next byte goes
  uint8_t* limit_;    // end of block_
};

}  // namespace soliton::kafka

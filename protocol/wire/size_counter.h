// Counts what an Encoder would write. See wire_writer.h.
#pragma once

#include <cstdint>
#include <span>

#include "protocol/wire/wire_writer.h"

namespace soliton::kafka {

// Record bytes in pieces smaller than this are copied between the encoded fields: one more piece in
// the scatter list costs more than such a copy.
inline constexpr size_t kCopyRecordsBelowBytes = 1024;

class SizeCounter : public WireWriter<SizeCounter> {
 public:
  size_t total_bytes() const { return copied_bytes_ + external_bytes_; }
  // The part that goes into the encoder's own memory.
  size_t copied_bytes() const { return copied_bytes_; }

  template <class T>
  void Fixed(T) {
    copied_bytes_ += sizeof(T);
  }
  void Raw(std::span<const uint8_t> bytes) { copied_bytes_ += bytes.size(); }
  void External(const BufferChain& chain) {
    chain.ForEachPiece(
        [this](const Buffer& memory) {
          (memory.size() < kCopyRecordsBelowBytes ? copied_bytes_ : external_bytes_) +=
              memory.size();
        },
        [this](const FileRegion& region) {
          external_bytes_ += static_cast<size_t>(region.length);
        });
  }

  template <class WriteValue>
  void TaggedField(uint32_t tag, WriteValue write) {
    SizeCounter value;
    write(value);
    UnsignedVarint(tag);
    UnsignedVarint(static_cast<uint32_t>(value.total_bytes()));
    copied_bytes_ += value.copied_bytes_;
    external_bytes_ += value.external_bytes_;
  }

 private:
  size_t copied_bytes_ = 0;
  size_t external_bytes_ = 0;
};

}  // namespace soliton::kafka

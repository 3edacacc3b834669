// Reference-counted bytes. A Buffer is a slice [data, data+size) of shared storage; copying or
// slicing one never copies bytes. Storage may be read from any thread. Writing through
// mutable_data() is for the one holder that has just filled it or owns it by protocol (the
// partition leader that stamps base offset and leader epoch into a batch before anyone else sees
// it).
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace soliton {

class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer& other) : storage_(other.storage_), data_(other.data_), size_(other.size_) {
    Retain(storage_);
  }
  Buffer(Buffer&& other) noexcept
      : storage_(std::exchange(other.storage_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer other) noexcept {
    swap(*this, other);
    return *this;
  }
  ~Buffer() {
    if (storage_ != nullptr) Release(storage_);
  }

  // Uninitialised storage of `size` bytes, 16-byte aligned.
  static Buffer Allocate(size_t size);
  static Buffer CopyOf(std::span<const uint8_t> bytes);
  static Buffer CopyOf(std::string_view bytes);
  // Takes the string over; its bytes are not copied (short strings aside).
  static Buffer Wrap(std::string bytes);

  const uint8_t* data() const { return data_; }
  uint8_t* mutable_data() { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const uint8_t> span() const { return {data_, size_}; }
  std::string_view view() const { return {reinterpret_cast<const char*>(data_), size_}; }

  // A view of [offset, offset+length) of the same storage. CHECKs that it lies inside.
  Buffer Slice(size_t offset, size_t length) const& { return Buffer(*this).Slice(offset, length); }
  Buffer Slice(size_t offset, size_t length) && {
    if (offset > size_ || length > size_ - offset) FailSlice(offset, length);
    if (length == 0) return {};
    data_ += offset;
    size_ = length;
    return std::move(*this);
  }
  Buffer Slice(size_t offset) const& { return Slice(offset, size_ - offset); }
  Buffer Slice(size_t offset) && { return std::move(*this).Slice(offset, size_ - offset); }

  friend void swap(Buffer& a, Buffer& b) noexcept {
    std::swap(a.storage_, b.storage_);
    std::swap(a.data_, b.data_);
    std::swap(a.size_, b.size_);
  }
  // Equal bytes, not equal storage.
  friend bool operator==(const Buffer& a, const Buffer& b) { return a.view() == b.view(); }

 private:
  // In front of the bytes, in the same allocation (or, for Wrap, beside the string that holds
  // them).
  struct alignas(16) Storage {
    std::atomic<uint32_t> references{1};
    bool is_short = false;  // a block of one size, whose memory is recycled
    // Where the bytes live when not behind this header.
    std::string* wrapped = nullptr;

    uint8_t* bytes() { return reinterpret_cast<uint8_t*>(this + 1); }
    static Storage* New(size_t size);
  };

  static void Retain(Storage* storage) {
    if (storage != nullptr) storage->references.fetch_add(1, std::memory_order_relaxed);
  }
  static void Release(Storage* storage) {
    // Acquire-release: all reads through other references happen before the free.
    if (storage->references.fetch_sub(1, std::memory_order_acq_rel) == 1) Free(storage);
  }
  static void Free(Storage* storage);
  [[noreturn]] void FailSlice(size_t offset, size_t length) const;

  Buffer(Storage* storage, uint8_t* data, size_t size)
      : storage_(storage), data_(data), size_(size) {}

  Storage* storage_ = nullptr;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace soliton

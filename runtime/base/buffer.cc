#include "runtime/base/buffer.h"

#include <cstdlib>
#include <new>

#include "runtime/base/check.h"

namespace soliton {

// The header in front of the bytes, in the same allocation (or, for Wrap, beside the string that
// holds them).
struct alignas(16) Buffer::Storage {
  std::atomic<uint32_t> references{1};
  // Where the bytes live when not behind this header.
  std::string* wrapped = nullptr;

  uint8_t* bytes() { return reinterpret_cast<uint8_t*>(this + 1); }

  static Storage* New(size_t size) {
    CHECK(size <= SIZE_MAX - sizeof(Storage), "buffer of {} bytes", size);
    void* memory = std::malloc(sizeof(Storage) + size);
    CHECK(memory != nullptr, "out of memory: buffer of {} bytes", size);
    return new (memory) Storage;
  }

  void Release() {
    // Acquire-release: all reads through other references happen before the free.
    if (references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    delete wrapped;
    this->~Storage();
    std::free(this);
  }
};

Buffer::Buffer(const Buffer& other)
    : storage_(other.storage_), data_(other.data_), size_(other.size_) {
  if (storage_ != nullptr) storage_->references.fetch_add(1, std::memory_order_relaxed);
}

Buffer::Buffer(Buffer&& other) noexcept
    : storage_(std::exchange(other.storage_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer other) noexcept {
  swap(*this, other);
  return *this;
}

Buffer::~Buffer() {
  if (storage_ != nullptr) storage_->Release();
}

Buffer Buffer::Allocate(size_t size) {
  if (size == 0) return {};
  Storage* storage = Storage::New(size);
  return Buffer(storage, storage->bytes(), size);
}

Buffer Buffer::CopyOf(std::span<const uint8_t> bytes) {
  Buffer copy = Allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.data_, bytes.data(), bytes.size());
  return copy;
}

Buffer Buffer::CopyOf(std::string_view bytes) {
  return CopyOf(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

Buffer Buffer::Wrap(std::string bytes) {
  if (bytes.empty()) return {};
  Storage* storage = Storage::New(0);
  storage->wrapped = new std::string(std::move(bytes));
  return Buffer(storage, reinterpret_cast<uint8_t*>(storage->wrapped->data()),
                storage->wrapped->size());
}

Buffer Buffer::Slice(size_t offset, size_t length) const {
  CHECK(offset <= size_ && length <= size_ - offset, "slice [{}, +{}) of a buffer of {} bytes",
        offset, length, size_);
  if (length == 0) return {};
  storage_->references.fetch_add(1, std::memory_order_relaxed);
  return Buffer(storage_, data_ + offset, length);
}

}  // namespace soliton

#include "runtime/base/buffer.h"

#include <array>
#include <cstdlib>
#include <new>

#include "runtime/base/check.h"
#include "runtime/base/recycling_allocator.h"

namespace soliton {

namespace {

// Most answers are that short, and every request has one.
constexpr size_t kShortBytes = 240;
struct alignas(16) ShortBlock {
  std::array<uint8_t, 16 + kShortBytes> bytes;
};

}  // namespace

Buffer::Storage* Buffer::Storage::New(size_t size) {
  static_assert(sizeof(Storage) + kShortBytes == sizeof(ShortBlock));
  if (kMemoryIsRecycled && size <= kShortBytes) {
    auto* storage = new (RecyclingAllocator<ShortBlock>().allocate(1)) Storage;
    storage->is_short = true;
    return storage;
  }
  CHECK(size <= SIZE_MAX - sizeof(Storage), "buffer of {} bytes", size);
  void* memory = std::malloc(sizeof(Storage) + size);
  CHECK(memory != nullptr, "out of memory: buffer of {} bytes", size);
  return new (memory) Storage;
}

void Buffer::Free(Storage* storage) {
  delete storage->wrapped;
  const bool is_short = storage->is_short;
  storage->~Storage();
  void* const memory = storage;
  if (is_short) {
    RecyclingAllocator<ShortBlock>().deallocate(static_cast<ShortBlock*>(memory), 1);
  } else {
    std::free(memory);
  }
}

void Buffer::FailSlice(size_t offset, size_t length) const {
  CHECK(false, "slice [{}, +{}) of a buffer of {} bytes", offset, length, size_);
  std::abort();
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

}  // namespace soliton

#include "runtime/base/buffer.h"

#include <cstdlib>
#include <new>

#include "runtime/base/check.h"

namespace soliton {

Buffer::Storage* Buffer::Storage::New(size_t size) {
  CHECK(size <= SIZE_MAX - sizeof(Storage), "buffer of {} bytes", size);
  void* memory = std::malloc(sizeof(Storage) + size);
  CHECK(memory != nullptr, "out of memory: buffer of {} bytes", size);
  return new (memory) Storage;
}

void Buffer::Free(Storage* storage) {
  delete storage->wrapped;
  storage->~Storage();
  std::free(storage);
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

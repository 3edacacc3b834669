// Memory of objects that come and go by the thousand, one kind per request: what one thread frees
// it hands out again, without a word to the allocator behind. An object may be freed on another
// thread than it was made on. Each thread keeps a bounded number of each type.
//
// With a sanitizer it is the plain allocator, so that stale references are noticed.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace soliton {

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kMemoryIsRecycled = false;
#else
inline constexpr bool kMemoryIsRecycled = true;
#endif

template <class T>
class RecyclingAllocator {
 public:
  using value_type = T;

  RecyclingAllocator() = default;
  template <class U>
  RecyclingAllocator(const RecyclingAllocator<U>&) {}  // NOLINT: allocators convert

  T* allocate(size_t count) {
    Kept& kept = kept_;
    if (count != 1 || kept.first == nullptr) return std::allocator<T>().allocate(count);
    Link* const taken = std::exchange(kept.first, kept.first->next);
    --kept.count;
    return static_cast<T*>(static_cast<void*>(taken));
  }
  void deallocate(T* object, size_t count) {
    Kept& kept = kept_;
    if (count != 1 || kept.count >= kMostKept) return std::allocator<T>().deallocate(object, count);
    kept.first = new (static_cast<void*>(object)) Link{kept.first};
    ++kept.count;
  }

  friend bool operator==(const RecyclingAllocator&, const RecyclingAllocator&) { return true; }

 private:
  static constexpr size_t kMostKept = kMemoryIsRecycled ? 256 : 0;
  struct Link {
    Link* next;
  };
  static_assert(sizeof(T) >= sizeof(Link) && alignof(T) >= alignof(Link));

  struct Kept {
    Link* first = nullptr;
    size_t count = 0;

    ~Kept() {
      // What is freed after the end of the thread's variables is not kept.
      count = kMostKept;
      while (first != nullptr) {
        Link* const link = std::exchange(first, first->next);
        std::allocator<T>().deallocate(static_cast<T*>(static_cast<void*>(link)), 1);
      }
    }
  };
  static inline thread_local Kept kept_;
};

// std::make_shared of an object whose memory is recycled.
template <class T, class... Args>
std::shared_ptr<T> MakeRecycled(Args&&... args) {
  return std::allocate_shared<T>(RecyclingAllocator<T>(), std::forward<Args>(args)...);
}

}  // namespace soliton

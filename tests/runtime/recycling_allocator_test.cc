#include "runtime/base/recycling_allocator.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

namespace soliton {
namespace {

struct Counted {
  explicit Counted(int* alive) : alive(alive) { ++*alive; }
  ~Counted() { --*alive; }
  int* alive;
  std::array<char, 100> rest{};
};

TEST(RecyclingAllocator, ObjectsComeAndGoWholeHoweverOftenTheirMemoryIsUsed) {
  int alive = 0;
  // More at once than a thread keeps, so both ways are taken.
  for (int round = 0; round < 3; ++round) {
    std::vector<std::shared_ptr<Counted>> all;
    std::set<Counted*> places;
    for (int i = 0; i < 1000; ++i) {
      all.push_back(MakeRecycled<Counted>(&alive));
      places.insert(all.back().get());
    }
    EXPECT_EQ(places.size(), all.size());
    EXPECT_EQ(alive, 1000);
    all.clear();
    EXPECT_EQ(alive, 0);
  }
}

TEST(RecyclingAllocator, ArraysAreNotMixedWithSingleObjects) {
  using Array = std::vector<std::array<void*, 4>, RecyclingAllocator<std::array<void*, 4>>>;
  Array one(1);
  Array many(100);
  one.clear();
  one.shrink_to_fit();
  many.resize(1000);
  for (auto& element : many) EXPECT_EQ(element[0], nullptr);
  Array again(1);
  EXPECT_EQ(again[0][3], nullptr);
}

}  // namespace
}  // namespace soliton

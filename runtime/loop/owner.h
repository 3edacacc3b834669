// Asserts single ownership: put an Owner in an object, call AssertCurrent() in its methods.
#pragma once

#include "runtime/base/check.h"
#include "runtime/loop/shard.h"

namespace soliton {

class Owner {
 public:
  explicit Owner(Shard& shard) : shard_(&shard) {}

  Shard& shard() const { return *shard_; }
  void AssertCurrent() const {
    DCHECK(shard_->IsCurrent(), "called off its owner, shard {}", shard_->index());
  }

 private:
  Shard* shard_;
};

}  // namespace soliton

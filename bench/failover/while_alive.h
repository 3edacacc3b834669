// Callbacks that do nothing once their owner is gone: timers, answers and disk work of a run that
// has ended while its shard goes on.
#pragma once

#include <memory>
#include <utility>

namespace soliton::bench {

// A member, declared last; what it wraps runs only while it lives. One shard.
class Lifetime {
 public:
  template <class Callback>
  auto Wrap(Callback callback) const {
    return [alive = std::weak_ptr<int>(token_),
            callback = std::move(callback)](auto&&... arguments) mutable {
      if (!alive.expired()) callback(std::forward<decltype(arguments)>(arguments)...);
    };
  }

 private:
  std::shared_ptr<int> token_ = std::make_shared<int>(0);
};

}  // namespace soliton::bench

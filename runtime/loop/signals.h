// Operating-system signals as messages.
#pragma once

#include <functional>
#include <memory>

namespace soliton {

class AsioShardSet;

// Writing to a closed socket or pipe is an error code, not the end of the process. Idempotent.
void IgnoreBrokenPipe();

// Delivers signals until destroyed. Destroy it before the shards, on their first shard or while
// they do not run.
class SignalWatcher {
 public:
  virtual ~SignalWatcher() = default;
};

// Runs `handler` with SIGINT, SIGTERM or SIGHUP on the first shard, each time one arrives. Replaces
// what they would have done.
std::unique_ptr<SignalWatcher> OnSignal(AsioShardSet& shards, std::function<void(int)> handler);

}  // namespace soliton

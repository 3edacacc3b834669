// Proves, again and again, that this broker can do its work: every shard answers, and no flush
// takes too long. A broker that cannot says so in its heartbeats, so that others lead meanwhile
// (KIP-501 was never accepted, and a leader with a stalled disk keeps Kafka's partitions). Lives on
// shard 0.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "runtime/loop/shard.h"

namespace soliton::broker {

class DataPathWatch {
 public:
  // When the oldest flush that is not done began; nullopt: there is none.
  using OldestFlush = std::optional<MonotonicTime>;
  struct Options {
    Duration interval;
    Duration stall_timeout;
  };
  // `ask` asks every shard, and calls back on this one when all have answered; perhaps never.
  // `on_change` is told whether work gets done, when that changes.
  DataPathWatch(Shard& shard, Options options,
                std::function<void(absl::AnyInvocable<void(OldestFlush)>)> ask,
                std::function<void(bool moves)> on_change);
  ~DataPathWatch();

  void Start();

 private:
  void Look();
  void OnAnswer(OldestFlush oldest);
  void Judge(Duration waited);

  Shard& shard_;
  const Options options_;
  std::function<void(absl::AnyInvocable<void(OldestFlush)>)> ask_;
  std::function<void(bool)> on_change_;
  std::optional<MonotonicTime> asked_at_;
  bool moves_ = true;
  TimerId timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace soliton::broker

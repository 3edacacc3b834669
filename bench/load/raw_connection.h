// A connection on which requests are answered in order, as Kafka's brokers do: what is in flight is
// a queue, not a table. No version handshake, no timers, no per-request callbacks, so a load driver
// costs little beside the broker that it measures. Lives on one shard; all callbacks run there,
// never inside a call into it. A callback may destroy it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "runtime/base/buffer_chain.h"
#include "runtime/loop/shard.h"
#include "runtime/net/transport.h"

namespace soliton::bench {

class RawConnection {
 public:
  struct Answer {
    int32_t tag = 0;  // of the request
    int32_t correlation_id = 0;
    MonotonicTime sent_at;
    Buffer frame;
  };
  struct Events {
    std::function<void()> on_ready;
    std::function<void(Answer)> on_answer;
    std::function<void()> on_drained;
    std::function<void(absl::Status)> on_failed;  // once; nothing follows
  };

  RawConnection(Shard& shard, Transport& transport, const Endpoint& to, Events events);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  int32_t NextCorrelationId() const;
  // A request frame that carries NextCorrelationId().
  void Send(BufferChain request, int32_t tag);
  // One that is not answered.
  void SendOneWay(BufferChain request);
  size_t in_flight() const;
  int64_t unsent_bytes() const;

 private:
  class Link;
  std::shared_ptr<Link> link_;
};

}  // namespace soliton::bench

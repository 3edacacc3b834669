// A record through a cluster and back: proof that it serves, and how long that takes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/client_loop.h"
#include "consumer/consumer.h"
#include "producer/producer.h"

namespace soliton::cli {

// Makes a topic of its own, writes to all of its replicas (acks=all), reads what it wrote, and
// removes the topic. `done` gets how long the second record took from Send until it was read: the
// first one also pays for connections. Lives on the loop's shard; `cluster` outlives it.
class RoundTrip {
 public:
  RoundTrip(ClientLoop& loop, kafka::ClusterClient& cluster, int16_t replicas,
            std::function<void(absl::StatusOr<Duration>)> done);
  void Start();

 private:
  void Connect();
  void Send();
  void Drain();
  void Fail(const absl::Status& why);
  void Finish();

  ClientLoop& loop_;
  kafka::ClusterClient& cluster_;
  const int16_t replicas_;
  std::function<void(absl::StatusOr<Duration>)> done_;
  std::unique_ptr<producer::Producer> producer_;
  std::unique_ptr<consumer::Consumer> consumer_;
  int sent_ = 0;
  int read_ = 0;
  MonotonicTime sent_at_{};
  Duration took_{};
};

}  // namespace soliton::cli

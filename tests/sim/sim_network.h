// The network between simulated nodes. Hosts are node names ("node-1"); "localhost" is the asking
// node.
//
// Faults: a cut link (both ways or one) lets nothing through: frames wait as TCP retransmits,
// connects run into their timeout; Heal lets what waited arrive. A reset connection loses what is
// in flight and both ends hear kUnavailable. A node that is off (power cut, host gone) is silent:
// peers notice only when it is back and refuses their packets. A node whose process died answers
// for it: resets and refusals.
//
// Owner: the world's thread. Draws its delays from a stream of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tests/sim/sim_connection.h"
#include "tests/sim/sim_transport.h"

namespace soliton::sim {

struct SimNetworkOptions {
  Duration min_delay = microseconds(40);
  Duration max_delay = microseconds(600);
  // One frame in this many takes up to `slow_max` (a lost packet, a busy switch); 0 = never.
  uint64_t slow_one_in = 500;
  Duration slow_max = milliseconds(40);
  int64_t bytes_per_second = 1'000'000'000;
  // A receiver that has this much unread makes the sender wait.
  int64_t receive_window_bytes = 256 * 1024;
};

class SimNetwork {
 public:
  SimNetwork(SimWorld& world, const SimNetworkOptions& options);

  const SimNetworkOptions& options() const { return options_; }
  void set_options(const SimNetworkOptions& options) { options_ = options; }
  Random& random() { return random_; }

  // -- Faults --
  void Cut(NodeId a, NodeId b);
  void CutOneWay(NodeId from, NodeId to);
  // Cuts `node` from every other node, clients included.
  void Isolate(NodeId node);
  void Heal(NodeId a, NodeId b);
  void HealAll();
  bool IsCut(NodeId from, NodeId to) const { return cuts_.contains({from, to}); }
  // Every frame between the two takes up to so much longer, until SpeedUp.
  void SlowDown(NodeId a, NodeId b, Duration up_to);
  void SpeedUp(NodeId a, NodeId b);
  // The connections that exist between the two carry nothing any more and neither end is told, as
  // when a firewall forgets them. New ones work. HealAll breaks them.
  void StickConnections(NodeId a, NodeId b);
  // Breaks every connection between the two.
  void ResetConnections(NodeId a, NodeId b);

  // Told of every frame as it is sent: the ends ("node-1:9092"), whether the end that had connected
  // sends it, the bytes.
  using FrameObserver = std::function<void(const std::string& from, const std::string& to,
                                           bool by_client, std::span<const uint8_t> frame)>;
  void SetFrameObserver(FrameObserver observer) { observer_ = std::move(observer); }

  // -- For SimNode --
  NodeId AddNode(std::string name);
  // A new process runs on `node`; its host answers.
  void ProcessStarted(NodeId node);
  // Its listeners, connections and attempts are gone. `silent`: its host is off until
  // ProcessStarted.
  void ProcessDied(NodeId node, bool silent);

  // -- For SimTransport, SimListener --
  absl::StatusOr<std::unique_ptr<Listener>> Listen(const SimProcessPtr& process,
                                                   const Endpoint& where,
                                                   const ConnectionOptions& options,
                                                   ShardSet& shards,
                                                   Transport::AcceptHandler on_accept);
  void StopListening(NodeId node, uint16_t port);
  void Connect(const SimProcessPtr& process, Shard& shard, const Endpoint& to,
               const ConnectionOptions& options, Duration timeout, Transport::ConnectHandler done);

  // -- For SimConnection --
  void Transmit(const std::shared_ptr<SimLink>& link, int side, Buffer frame);
  // This end sends nothing more; some of what it has queued may still arrive.
  void EndStream(const std::shared_ptr<SimLink>& link, int side);
  void WindowOpened(const std::shared_ptr<SimLink>& link, int sending_side);

 private:
  struct Node {
    std::string name;
    bool silent = false;
    uint16_t next_port = 40000;
  };
  struct Listening {
    SimProcessPtr process;
    ConnectionOptions options;
    ShardSet* shards;
    std::shared_ptr<Transport::AcceptHandler> on_accept;
    int next_shard = 0;
  };
  struct Attempt {
    SimProcessPtr process;
    Shard* shard;
    NodeId to;
    uint16_t port;
    ConnectionOptions options;
    MonotonicTime deadline;
    Transport::ConnectHandler done;
    absl::StatusOr<std::shared_ptr<FramedConnection>> result;
  };

  bool Reachable(NodeId from, NodeId to) const;
  Duration DrawDelay();
  Duration DrawDelay(NodeId from, NodeId to);
  NodeId Resolve(NodeId asking, const std::string& host) const;
  uint16_t PickPort(NodeId node);

  void Knock(uint64_t attempt_id);
  absl::StatusOr<std::shared_ptr<FramedConnection>> Accept(Attempt& attempt);
  void Answer(uint64_t attempt_id, MonotonicTime when,
              absl::StatusOr<std::shared_ptr<FramedConnection>> result);
  void Finish(uint64_t attempt_id);

  void SchedulePipe(const std::shared_ptr<SimLink>& link, int side);
  void RunPipe(const std::shared_ptr<SimLink>& link, int side);
  void Break(SimLink& link, int side, MonotonicTime when);
  void ForgetIfOver(uint64_t link_id);
  void ReleaseHeldPipes();

  SimWorld& world_;
  SimNetworkOptions options_;
  Random random_;
  std::map<NodeId, Node> nodes_;
  std::set<std::pair<NodeId, NodeId>> cuts_;  // from, to
  std::map<std::pair<NodeId, NodeId>, Duration> slow_links_;
  FrameObserver observer_;
  std::map<std::pair<NodeId, uint16_t>, Listening> listeners_;
  std::map<uint64_t, Attempt> attempts_;
  std::map<uint64_t, std::shared_ptr<SimLink>> links_;
  uint64_t next_id_ = 1;
};

}  // namespace soliton::sim

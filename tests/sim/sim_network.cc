#include "tests/sim/sim_network.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/base/crc32c.h"

namespace soliton::sim {
namespace {

constexpr int64_t kLengthPrefixBytes = 4;
constexpr Duration kConnectRetry = milliseconds(250);

}  // namespace

SimNetwork::SimNetwork(SimWorld& world, const SimNetworkOptions& options)
    : world_(world), options_(options), random_(world.ForkRandom("network")) {}

NodeId SimNetwork::AddNode(std::string name) {
  const NodeId id = static_cast<NodeId>(nodes_.size()) + 1;
  nodes_[id].name = std::move(name);
  return id;
}

bool SimNetwork::Reachable(NodeId from, NodeId to) const {
  return !cuts_.contains({from, to}) && !nodes_.at(from).silent && !nodes_.at(to).silent;
}

Duration SimNetwork::DrawDelay() {
  const bool slow = options_.slow_one_in > 0 && random_.Chance(1, options_.slow_one_in);
  const Duration max = slow ? options_.slow_max : options_.max_delay;
  return Duration(random_.Between(options_.min_delay.count(), max.count()));
}

Duration SimNetwork::DrawDelay(NodeId from, NodeId to) {
  const Duration delay = DrawDelay();
  auto slow = slow_links_.find({from, to});
  return slow == slow_links_.end() ? delay
                                   : delay + Duration(random_.Between(0, slow->second.count()));
}

NodeId SimNetwork::Resolve(NodeId asking, const std::string& host) const {
  if (host == "localhost" || host == "127.0.0.1" || host == "::1") return asking;
  for (const auto& [id, node] : nodes_) {
    if (node.name == host) return id;
  }
  return 0;
}

uint16_t SimNetwork::PickPort(NodeId node) {
  uint16_t& next = nodes_.at(node).next_port;
  for (;;) {
    const uint16_t port = next;
    next = next == 65535 ? uint16_t{40000} : static_cast<uint16_t>(next + 1);
    if (!listeners_.contains({node, port})) return port;
  }
}

// -- Faults --

void SimNetwork::CutOneWay(NodeId from, NodeId to) { cuts_.insert({from, to}); }

void SimNetwork::Cut(NodeId a, NodeId b) {
  CutOneWay(a, b);
  CutOneWay(b, a);
}

void SimNetwork::Isolate(NodeId node) {
  for (const auto& [other, unused] : nodes_) {
    if (other != node) Cut(node, other);
  }
}

void SimNetwork::Heal(NodeId a, NodeId b) {
  cuts_.erase({a, b});
  cuts_.erase({b, a});
  ReleaseHeldPipes();
}

void SimNetwork::HealAll() {
  cuts_.clear();
  slow_links_.clear();
  for (const auto& [id, link] : links_) {
    if (!std::exchange(link->stuck, false)) continue;
    // Keep-alive finds out in the end.
    for (int side : {0, 1}) {
      Break(*link, side, world_.Now() + DrawDelay());
      SchedulePipe(link, side);
    }
  }
  ReleaseHeldPipes();
}

void SimNetwork::SlowDown(NodeId a, NodeId b, Duration up_to) {
  slow_links_[{a, b}] = up_to;
  slow_links_[{b, a}] = up_to;
}

void SimNetwork::SpeedUp(NodeId a, NodeId b) {
  slow_links_.erase({a, b});
  slow_links_.erase({b, a});
}

void SimNetwork::StickConnections(NodeId a, NodeId b) {
  for (const auto& [id, link] : links_) {
    const SimPipe& pipe = link->pipes[0];
    if ((pipe.from == a && pipe.to == b) || (pipe.from == b && pipe.to == a)) link->stuck = true;
  }
}

void SimNetwork::ReleaseHeldPipes() {
  for (const auto& [id, link] : links_) {
    for (int side : {0, 1}) {
      SimPipe& pipe = link->pipes[side];
      if (!pipe.held_by_cut || link->stuck || !Reachable(pipe.from, pipe.to)) continue;
      pipe.held_by_cut = false;
      // Retransmission comes round some time after the link works again.
      const MonotonicTime base = world_.Now() + DrawDelay() + DrawDelay();
      for (SimPipe::Item& item : pipe.items) item.arrival = std::max(item.arrival, base);
      pipe.last_arrival = std::max(pipe.last_arrival, base);
      SchedulePipe(link, side);
    }
  }
}

void SimNetwork::ResetConnections(NodeId a, NodeId b) {
  for (const auto& [id, link] : links_) {
    const SimPipe& pipe = link->pipes[0];
    if (!(pipe.from == a && pipe.to == b) && !(pipe.from == b && pipe.to == a)) continue;
    for (int side : {0, 1}) {
      Break(*link, side, world_.Now() + DrawDelay());
      SchedulePipe(link, side);
    }
  }
}

// The stream that `side` sends ends in a reset: of what is in flight only what arrives before it
// counts.
void SimNetwork::Break(SimLink& link, int side, MonotonicTime when) {
  SimPipe& pipe = link.pipes[side];
  if (pipe.reset) return;
  if (pipe.held_by_window) pipe.items.clear();
  pipe.held_by_window = false;
  while (!pipe.items.empty() && pipe.items.back().arrival >= when) pipe.items.pop_back();
  pipe.undelivered_bytes = 0;
  for (const SimPipe::Item& item : pipe.items) {
    pipe.undelivered_bytes += static_cast<int64_t>(item.bytes.size()) + kLengthPrefixBytes;
  }
  pipe.items.push_back(SimPipe::Item{Buffer(), when, /*end_of_stream=*/true});
  pipe.last_arrival = when;
  pipe.ended = true;
  pipe.reset = true;
}

// -- Processes --

void SimNetwork::ProcessStarted(NodeId node) {
  nodes_.at(node).silent = false;
  ReleaseHeldPipes();
}

void SimNetwork::ProcessDied(NodeId node, bool silent) {
  nodes_.at(node).silent = silent;
  std::erase_if(listeners_, [&](const auto& entry) { return entry.first.first == node; });
  // Moved out first: destroying an attempt's callback may reach back here.
  std::vector<Attempt> gone;
  for (auto it = attempts_.begin(); it != attempts_.end();) {
    if (it->second.process->node != node) {
      ++it;
      continue;
    }
    gone.push_back(std::move(it->second));
    it = attempts_.erase(it);
  }
  for (const auto& [id, link] : links_) {
    for (int side : {0, 1}) {
      SimPipe& pipe = link->pipes[side];
      if (pipe.from != node) continue;
      // What was on the wire is behind nothing but itself: often all of it still arrives, however
      // slow the link is.
      MonotonicTime when = world_.Now() + DrawDelay();
      if (random_.Chance(1, 2)) when = std::max(when, pipe.last_arrival + options_.min_delay);
      Break(*link, side, when);
      SchedulePipe(link, side);
    }
  }
}

// -- Connecting --

absl::StatusOr<std::unique_ptr<Listener>> SimNetwork::Listen(const SimProcessPtr& process,
                                                             const Endpoint& where,
                                                             const ConnectionOptions& options,
                                                             ShardSet& shards,
                                                             Transport::AcceptHandler on_accept) {
  const uint16_t port = where.port != 0 ? where.port : PickPort(process->node);
  Listening listening{process, options, &shards,
                      std::make_shared<Transport::AcceptHandler>(std::move(on_accept))};
  if (!listeners_.emplace(std::pair(process->node, port), std::move(listening)).second) {
    return absl::AlreadyExistsError(fmt::format("port {} is in use", port));
  }
  return std::make_unique<SimListener>(*this, process, port);
}

void SimNetwork::StopListening(NodeId node, uint16_t port) { listeners_.erase({node, port}); }

void SimNetwork::Connect(const SimProcessPtr& process, Shard& shard, const Endpoint& to,
                         const ConnectionOptions& options, Duration timeout,
                         Transport::ConnectHandler done) {
  const uint64_t id = next_id_++;
  const NodeId target = Resolve(process->node, to.host);
  attempts_.emplace(id, Attempt{process, &shard, target, to.port, options, world_.Now() + timeout,
                                std::move(done), absl::UnknownError("not answered")});
  if (target == 0) {
    Answer(id, world_.Now(), absl::NotFoundError(fmt::format("{}: unknown host", to.host)));
    return;
  }
  world_.ScheduleAfter(DrawDelay(process->node, target), {target, EventKind::kNetwork},
                       [this, id] { Knock(id); });
}

void SimNetwork::Knock(uint64_t attempt_id) {
  auto found = attempts_.find(attempt_id);
  if (found == attempts_.end()) return;
  Attempt& attempt = found->second;
  const NodeId from = attempt.process->node;
  if (!Reachable(from, attempt.to) || !Reachable(attempt.to, from)) {
    if (world_.Now() >= attempt.deadline) {
      Answer(attempt_id, attempt.deadline, absl::DeadlineExceededError("no answer to connect"));
      return;
    }
    world_.ScheduleAt(std::min(world_.Now() + kConnectRetry, attempt.deadline),
                      {attempt.to, EventKind::kNetwork}, [this, attempt_id] { Knock(attempt_id); });
    return;
  }
  const MonotonicTime when = world_.Now() + DrawDelay(attempt.to, from);
  if (when > attempt.deadline) {
    Answer(attempt_id, attempt.deadline, absl::DeadlineExceededError("no answer to connect"));
    return;
  }
  Answer(attempt_id, when, Accept(attempt));
}

absl::StatusOr<std::shared_ptr<FramedConnection>> SimNetwork::Accept(Attempt& attempt) {
  auto found = listeners_.find({attempt.to, attempt.port});
  if (found == listeners_.end()) {
    return absl::UnavailableError(
        fmt::format("{}:{}: connection refused", nodes_.at(attempt.to).name, attempt.port));
  }
  Listening& listening = found->second;
  auto link = std::make_shared<SimLink>();
  link->id = next_id_++;
  const NodeId from = attempt.process->node;
  link->pipes[0].from = link->pipes[1].to = from;
  link->pipes[1].from = link->pipes[0].to = attempt.to;
  link->names[0] = fmt::format("{}:{}", nodes_.at(from).name, PickPort(from));
  link->names[1] = fmt::format("{}:{}", nodes_.at(attempt.to).name, attempt.port);
  links_[link->id] = link;

  Shard& shard = listening.shards->shard(listening.next_shard);
  listening.next_shard = (listening.next_shard + 1) % listening.shards->size();
  auto client = std::make_shared<SimConnection>(*this, attempt.process, link, 0, *attempt.shard,
                                                attempt.options);
  auto server =
      std::make_shared<SimConnection>(*this, listening.process, link, 1, shard, listening.options);
  link->ends[0] = client;
  link->ends[1] = server;
  shard.Post([on_accept = listening.on_accept, &shard, server = std::move(server)]() mutable {
    (*on_accept)(shard, std::move(server));
  });
  return client;
}

void SimNetwork::Answer(uint64_t attempt_id, MonotonicTime when,
                        absl::StatusOr<std::shared_ptr<FramedConnection>> result) {
  Attempt& attempt = attempts_.at(attempt_id);
  attempt.result = std::move(result);
  world_.ScheduleAt(when, {attempt.process->node, EventKind::kNetwork},
                    [this, attempt_id] { Finish(attempt_id); });
}

void SimNetwork::Finish(uint64_t attempt_id) {
  auto found = attempts_.find(attempt_id);
  if (found == attempts_.end()) return;
  Attempt attempt = std::move(found->second);
  attempts_.erase(found);
  attempt.shard->Post([done = std::move(attempt.done),
                       result = std::move(attempt.result)]() mutable { done(std::move(result)); });
}

// -- Moving bytes --

void SimNetwork::Transmit(const std::shared_ptr<SimLink>& link, int side, Buffer frame) {
  SimPipe& pipe = link->pipes[side];
  if (pipe.ended) return;
  const int64_t bytes = static_cast<int64_t>(frame.size()) + kLengthPrefixBytes;
  const Duration on_wire(bytes * 1'000'000'000 / options_.bytes_per_second);
  pipe.last_arrival =
      std::max(world_.Now() + DrawDelay(pipe.from, pipe.to), pipe.last_arrival) + on_wire;
  if (observer_) observer_(link->names[side], link->names[1 - side], side == 0, frame.span());
  pipe.undelivered_bytes += bytes;
  pipe.items.push_back(SimPipe::Item{std::move(frame), pipe.last_arrival});
  SchedulePipe(link, side);
}

void SimNetwork::EndStream(const std::shared_ptr<SimLink>& link, int side) {
  SimPipe& pipe = link->pipes[side];
  WindowOpened(link, 1 - side);  // this end reads no more: what is on its way to it is thrown away
  if (!pipe.ended) {
    pipe.ended = true;
    // What the kernel had taken still arrives; the rest dies with the connection.
    const size_t keep = pipe.items.empty() ? 0 : random_.Below(pipe.items.size() + 1);
    pipe.items.resize(keep);
    pipe.last_arrival = std::max(world_.Now() + DrawDelay(), pipe.last_arrival);
    pipe.items.push_back(SimPipe::Item{Buffer(), pipe.last_arrival, /*end_of_stream=*/true});
    SchedulePipe(link, side);
  }
}

void SimNetwork::WindowOpened(const std::shared_ptr<SimLink>& link, int sending_side) {
  SimPipe& pipe = link->pipes[sending_side];
  if (!pipe.held_by_window) return;
  pipe.held_by_window = false;
  SchedulePipe(link, sending_side);
}

void SimNetwork::SchedulePipe(const std::shared_ptr<SimLink>& link, int side) {
  SimPipe& pipe = link->pipes[side];
  if (pipe.event_scheduled || pipe.items.empty() || pipe.held_by_cut || pipe.held_by_window) return;
  pipe.event_scheduled = true;
  world_.ScheduleAt(pipe.items.front().arrival, {pipe.to, EventKind::kNetwork},
                    [this, weak = std::weak_ptr<SimLink>(link), side] {
                      if (auto alive = weak.lock()) RunPipe(alive, side);
                    });
}

void SimNetwork::RunPipe(const std::shared_ptr<SimLink>& link, int side) {
  SimPipe& pipe = link->pipes[side];
  pipe.event_scheduled = false;
  if (link->stuck || !Reachable(pipe.from, pipe.to)) {
    pipe.held_by_cut = true;
    return;
  }
  std::shared_ptr<SimConnection> receiver = link->ends[1 - side].lock();
  const bool had_unsent = pipe.undelivered_bytes > 0;
  while (!pipe.items.empty() && pipe.items.front().arrival <= world_.Now()) {
    if (receiver != nullptr && receiver->WindowFull() && !pipe.items.front().end_of_stream) {
      pipe.held_by_window = true;
      break;
    }
    SimPipe::Item item = std::move(pipe.items.front());
    pipe.items.pop_front();
    if (item.end_of_stream) {
      if (receiver != nullptr) {
        receiver->OnPeerGone(
            absl::UnavailableError(pipe.reset ? "connection reset by peer" : "closed by peer"),
            /*at_once=*/pipe.reset);
      }
      break;
    }
    world_.MixTrace(Crc32c(item.bytes.span()));
    pipe.undelivered_bytes -= static_cast<int64_t>(item.bytes.size()) + kLengthPrefixBytes;
    if (receiver != nullptr) receiver->OnArrived(std::move(item.bytes));
  }
  if (had_unsent && pipe.undelivered_bytes == 0) {
    if (auto sender = link->ends[side].lock()) sender->OnSentAll();
  }
  SchedulePipe(link, side);
  ForgetIfOver(link->id);
}

void SimNetwork::ForgetIfOver(uint64_t link_id) {
  auto found = links_.find(link_id);
  if (found == links_.end()) return;
  for (const SimPipe& pipe : found->second->pipes) {
    if (!pipe.ended || !pipe.items.empty()) return;
  }
  links_.erase(found);
}

}  // namespace soliton::sim

#include "bench/failover/link_proxy.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "runtime/base/buffer_chain.h"

namespace soliton::bench {
namespace {

constexpr Duration kConnectTimeout = seconds(5);
// So much may wait to be sent before the other side is not read any more.
constexpr int64_t kMaxUnsentBytes = 4 << 20;

}  // namespace

absl::StatusOr<ProxyRoute> ParseProxyRoute(const std::string& text) {
  const auto malformed = [&] {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not NODE=LISTEN_HOST:PORT=TARGET_HOST:PORT", text));
  };
  const size_t first = text.find('=');
  const size_t second = first == std::string::npos ? first : text.find('=', first + 1);
  if (second == std::string::npos) return malformed();
  ProxyRoute route;
  const auto [end, error] = std::from_chars(text.data(), text.data() + first, route.node);
  if (error != std::errc() || end != text.data() + first || route.node < 0) return malformed();
  auto listen = ParseEndpoint(std::string_view(text).substr(first + 1, second - first - 1));
  auto target = ParseEndpoint(std::string_view(text).substr(second + 1));
  if (!listen.ok() || !target.ok()) return malformed();
  route.listen = *std::move(listen);
  route.target = *std::move(target);
  return route;
}

// One node's link: its listener, and whether it is cut.
class LinkProxy::Link : public std::enable_shared_from_this<Link> {
 public:
  Link(const Ports& ports, ProxyRoute route) : ports_(ports), route_(std::move(route)) {}

  absl::Status Open();
  void Accept(Shard& shard, std::shared_ptr<FramedConnection> near);
  void SetCut(bool cut);
  bool cut() const { return cut_; }
  const Endpoint& target() const { return route_.target; }
  Transport& transport() const { return *ports_.transport; }
  void Forget(const std::shared_ptr<Line>& line) { lines_.erase(line); }
  void Close();

 private:
  const Ports ports_;
  const ProxyRoute route_;
  std::unique_ptr<Listener> listener_;
  std::set<std::shared_ptr<Line>> lines_;
  bool cut_ = false;
};

// One connection through the link: the near end that came in, and the far end to the node.
class LinkProxy::Line : public std::enable_shared_from_this<Line> {
 public:
  Line(std::shared_ptr<Link> link, std::shared_ptr<FramedConnection> near)
      : link_(std::move(link)), near_{*this, std::move(near)}, far_{*this, nullptr} {}

  void Begin(Shard& shard) {
    near_.other = &far_;
    far_.other = &near_;
    near_.connection->Start(&near_);
    // Nothing is read before there is somewhere to send it.
    near_.connection->PauseReading();
    link_->transport().Connect(
        shard, link_->target(), {}, kConnectTimeout,
        [self = shared_from_this()](absl::StatusOr<std::shared_ptr<FramedConnection>> connected) {
          if (self->ended_) return;
          if (!connected.ok()) return self->End();
          self->far_.connection = *std::move(connected);
          self->far_.connection->Start(&self->far_);
          self->Apply();
        });
  }

  // Reads where reading is allowed.
  void Apply() {
    if (ended_ || far_.connection == nullptr) return;
    for (Side* side : {&near_, &far_}) {
      const bool paused = link_->cut() || side->other->connection->unsent_bytes() > kMaxUnsentBytes;
      if (paused) {
        side->connection->PauseReading();
      } else {
        side->connection->ResumeReading();
        for (Buffer& frame : std::exchange(side->held, {})) {
          side->other->connection->Send(BufferChain(std::move(frame)));
        }
      }
    }
  }

  void End() {
    if (std::exchange(ended_, true)) return;
    for (Side* side : {&near_, &far_}) {
      if (side->connection != nullptr) side->connection->Close();
    }
    // Its callbacks may be on the stack.
    link_->Forget(shared_from_this());
  }

 private:
  struct Side final : public ConnectionHandler {
    Side(Line& owner, std::shared_ptr<FramedConnection> made)
        : line(owner), connection(std::move(made)) {}

    void OnFrame(Buffer frame) override {
      if (line.ended_) return;
      // Frames that were read already when the link was cut.
      if (line.link_->cut() || other->connection == nullptr)
        return held.push_back(std::move(frame));
      other->connection->Send(BufferChain(std::move(frame)));
      if (other->connection->unsent_bytes() > kMaxUnsentBytes) connection->PauseReading();
    }
    void OnClosed(const absl::Status&) override {
      const auto keep = line.shared_from_this();
      line.End();
    }
    void OnDrained() override { line.Apply(); }

    Line& line;
    std::shared_ptr<FramedConnection> connection;
    Side* other = nullptr;
    std::vector<Buffer> held;
  };

  const std::shared_ptr<Link> link_;
  Side near_;
  Side far_;
  bool ended_ = false;
};

absl::Status LinkProxy::Link::Open() {
  auto listener = ports_.transport->Listen(
      route_.listen, {}, *ports_.shards,
      [weak = weak_from_this()](Shard& shard, std::shared_ptr<FramedConnection> connection) {
        if (auto self = weak.lock()) self->Accept(shard, std::move(connection));
      });
  if (!listener.ok()) return listener.status();
  listener_ = *std::move(listener);
  return absl::OkStatus();
}

void LinkProxy::Link::Accept(Shard& shard, std::shared_ptr<FramedConnection> near) {
  auto line = std::make_shared<Line>(shared_from_this(), std::move(near));
  lines_.insert(line);
  line->Begin(shard);
}

void LinkProxy::Link::SetCut(bool cut) {
  cut_ = cut;
  const auto lines = lines_;
  for (const auto& line : lines) line->Apply();
}

void LinkProxy::Link::Close() {
  listener_ = nullptr;
  const auto lines = std::exchange(lines_, {});
  for (const auto& line : lines) line->End();
}

absl::StatusOr<std::unique_ptr<LinkProxy>> LinkProxy::Open(const Ports& ports,
                                                           const std::vector<ProxyRoute>& routes) {
  std::unique_ptr<LinkProxy> proxy(new LinkProxy());
  for (const ProxyRoute& route : routes) {
    auto link = std::make_shared<Link>(ports, route);
    absl::Status opened = link->Open();
    if (!opened.ok()) return opened;
    proxy->links_[route.node] = std::move(link);
  }
  return proxy;
}

LinkProxy::~LinkProxy() {
  for (const auto& [node, link] : links_) link->Close();
}

absl::Status LinkProxy::Cut(int32_t node) {
  const auto link = links_.find(node);
  if (link == links_.end()) {
    return absl::NotFoundError(fmt::format(
        "no proxy stands before node {}: give --proxy {}=LISTEN_HOST:PORT=TARGET_HOST:PORT", node,
        node));
  }
  link->second->SetCut(true);
  return absl::OkStatus();
}

absl::Status LinkProxy::Heal(int32_t node) {
  const auto link = links_.find(node);
  if (link == links_.end()) return absl::NotFoundError(fmt::format("no proxy for node {}", node));
  link->second->SetCut(false);
  return absl::OkStatus();
}

}  // namespace soliton::bench

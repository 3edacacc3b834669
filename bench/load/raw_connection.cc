#include "bench/load/raw_connection.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/base/endian.h"

namespace soliton::bench {
namespace {

constexpr Duration kConnectTimeout = seconds(10);
constexpr size_t kCorrelationIdBytes = 4;

}  // namespace

// Outlives its owner while a callback of the transport is on the stack.
class RawConnection::Link final : public ConnectionHandler,
                                  public std::enable_shared_from_this<Link> {
 public:
  Link(Shard& shard, Events events) : shard_(shard), events_(std::move(events)) {}

  void Connect(Transport& transport, const Endpoint& to) {
    ConnectionOptions options;
    options.max_frame_bytes = int64_t{1} << 30;
    transport.Connect(
        shard_, to, options, kConnectTimeout,
        [weak = weak_from_this()](absl::StatusOr<std::shared_ptr<FramedConnection>> connection) {
          if (auto self = weak.lock()) self->OnConnected(std::move(connection));
        });
  }

  void Abandon() {
    abandoned_ = true;
    // The transport may be in the middle of a call into this object.
    shard_.Post([self = shared_from_this()] { self->connection_.reset(); });
  }

  void Send(BufferChain request, std::optional<int32_t> tag) {
    if (!connection_) return;
    if (tag) in_flight_.push_back({*tag, next_correlation_id_, shard_.clock().Now()});
    next_correlation_id_ = (next_correlation_id_ + 1) & 0x7fffffff;
    connection_->Send(std::move(request));
  }

  void OnFrame(Buffer frame) override {
    const auto self = shared_from_this();
    if (abandoned_) return;
    if (in_flight_.empty() || frame.size() < kCorrelationIdBytes ||
        LoadBigEndian<int32_t>(frame.data()) != in_flight_.front().correlation_id) {
      return Fail(absl::DataLossError("an answer to another request than the oldest one"));
    }
    const InFlight request = in_flight_.front();
    in_flight_.pop_front();
    events_.on_answer({request.tag, request.correlation_id, request.sent_at, std::move(frame)});
  }

  void OnClosed(const absl::Status& why) override {
    const auto self = shared_from_this();
    Fail(why);
  }

  void OnDrained() override {
    const auto self = shared_from_this();
    if (!abandoned_ && events_.on_drained) events_.on_drained();
  }

  int32_t next_correlation_id() const { return next_correlation_id_; }
  size_t in_flight() const { return in_flight_.size(); }
  int64_t unsent_bytes() const { return connection_ ? connection_->unsent_bytes() : 0; }

 private:
  struct InFlight {
    int32_t tag = 0;
    int32_t correlation_id = 0;
    MonotonicTime sent_at;
  };

  void OnConnected(absl::StatusOr<std::shared_ptr<FramedConnection>> connection) {
    if (abandoned_) return;
    if (!connection.ok()) return Fail(connection.status());
    connection_ = std::move(*connection);
    connection_->Start(this);
    events_.on_ready();
  }

  void Fail(const absl::Status& why) {
    if (abandoned_) return;
    abandoned_ = true;
    events_.on_failed(why);
  }

  Shard& shard_;
  const Events events_;
  std::shared_ptr<FramedConnection> connection_;
  std::deque<InFlight> in_flight_;
  int32_t next_correlation_id_ = 0;
  bool abandoned_ = false;
};

RawConnection::RawConnection(Shard& shard, Transport& transport, const Endpoint& to, Events events)
    : link_(std::make_shared<Link>(shard, std::move(events))) {
  link_->Connect(transport, to);
}

RawConnection::~RawConnection() { link_->Abandon(); }

int32_t RawConnection::NextCorrelationId() const { return link_->next_correlation_id(); }
void RawConnection::Send(BufferChain request, int32_t tag) { link_->Send(std::move(request), tag); }
void RawConnection::SendOneWay(BufferChain request) {
  link_->Send(std::move(request), std::nullopt);
}
size_t RawConnection::in_flight() const { return link_->in_flight(); }
int64_t RawConnection::unsent_bytes() const { return link_->unsent_bytes(); }

}  // namespace soliton::bench

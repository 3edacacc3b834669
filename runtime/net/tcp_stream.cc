#include "runtime/net/tcp_stream.h"

#include <fmt/format.h>

#include <array>

#include "runtime/net/socket_options.h"

namespace soliton {
namespace {

// After this much one connection lets the others of its shard have a turn.
constexpr int64_t kWriteBudgetBytes = 1024 * 1024;

absl::Status ReadError(const boost::system::error_code& error, bool at_frame_boundary) {
  if (error == boost::asio::error::eof) {
    return absl::UnavailableError(at_frame_boundary ? "closed by peer"
                                                    : "closed by peer in the middle of a frame");
  }
  return absl::UnavailableError(fmt::format("connection lost: {}", error.message()));
}

}  // namespace

TcpStream::TcpStream(AsioShard& shard, boost::asio::ip::tcp::socket socket, FrameReader reader,
                     std::shared_ptr<void> ticket)
    : owner_(shard),
      shard_(shard),
      socket_(std::move(socket)),
      reader_(std::move(reader)),
      ticket_(std::move(ticket)) {
  boost::system::error_code error;
  socket_.native_non_blocking(true, error);
  const auto peer = socket_.remote_endpoint(error);
  peer_ = error ? "(gone)" : ToString(peer);
  const auto local = socket_.local_endpoint(error);
  local_ = error ? "(gone)" : ToString(local);
}

void TcpStream::Start(ConnectionHandler* handler) {
  owner_.AssertCurrent();
  CHECK(handler_ == nullptr && handler != nullptr, "connection started twice");
  handler_ = handler;
  if (closing_ || closed_) return;
  if (reader_.at_frame_boundary()) return BeginRead();
  // A moved stream may hold whole frames already.
  ResumeReading();
}

bool TcpStream::CanMove() const {
  return delivering_ && !closing_ && !closed_ && !read_pending_ && !wait_pending_ &&
         queue_.unsent_bytes() == 0;
}

TcpStream::Parts TcpStream::Detach() {
  owner_.AssertCurrent();
  CHECK(CanMove(), "connection of {} cannot move now", peer_);
  boost::system::error_code error;
  const auto local = socket_.local_endpoint(error);
  const boost::asio::ip::tcp protocol = error ? boost::asio::ip::tcp::v4() : local.protocol();
  UniqueFd fd(socket_.release(error));
  CHECK(!error, "cannot release a socket: {}", error.message());
  handler_ = nullptr;
  std::shared_ptr<void> ticket = std::move(ticket_);
  TearDown();
  return {std::move(fd), protocol, std::move(reader_), std::move(ticket)};
}

void TcpStream::BeginRead() {
  if (closed_ || closing_ || paused_ || read_pending_ || handler_ == nullptr) return;
  read_pending_ = true;
  const FrameReader::Space space = reader_.Prepare();
  auto on_read = [self = shared_from_this()](const boost::system::error_code& error, size_t bytes) {
    self->OnRead(error, bytes);
  };
  if (space.second.empty()) {
    socket_.async_read_some(boost::asio::buffer(space.first.data(), space.first.size()),
                            std::move(on_read));
    return;
  }
  const std::array<boost::asio::mutable_buffer, 2> parts = {
      boost::asio::buffer(space.first.data(), space.first.size()),
      boost::asio::buffer(space.second.data(), space.second.size())};
  socket_.async_read_some(parts, std::move(on_read));
}

void TcpStream::OnRead(const boost::system::error_code& error, size_t bytes) {
  read_pending_ = false;
  if (closed_ || shard_.dropping()) return;
  if (error) return Finish(ReadError(error, reader_.at_frame_boundary()));
  reader_.Commit(bytes);
  Deliver();
}

void TcpStream::Deliver() {
  if (delivering_) return;
  delivering_ = true;
  absl::Status broken;
  while (!closed_ && !closing_ && !paused_ && handler_ != nullptr) {
    const absl::StatusOr<bool> more = DeliverOne();
    if (!more.ok()) broken = more.status();
    if (!more.ok() || !*more) break;
  }
  delivering_ = false;
  if (!broken.ok()) return Finish(broken);
  // The answers of one batch of frames leave together.
  Flush();
  BeginRead();
}

absl::StatusOr<bool> TcpStream::DeliverOne() {
  if (!admitted_) {
    const absl::StatusOr<std::optional<FrameReader::Head>> head = reader_.NextHead();
    if (!head.ok()) return head.status();
    if (!head->has_value()) return false;
    admitted_ = handler_->AdmitFrame((*head)->frame_bytes, (*head)->bytes);
    if (!admitted_) {
      paused_ = true;
      return false;
    }
    if (closed_ || closing_) return false;
  }
  absl::StatusOr<std::optional<Buffer>> frame = reader_.Next();
  if (!frame.ok()) return frame.status();
  if (!frame->has_value()) return false;
  admitted_ = false;
  handler_->OnFrame(std::move(**frame));
  return true;
}

void TcpStream::Send(BufferChain frame) {
  owner_.AssertCurrent();
  if (closing_ || closed_) return;
  queue_.Push(frame);
  if (!delivering_) PostFlush();
}

// Sends of one turn of the loop leave together.
void TcpStream::PostFlush() {
  if (flush_posted_ || wait_pending_) return;
  flush_posted_ = true;
  shard_.Post([self = shared_from_this()] {
    self->flush_posted_ = false;
    self->Flush();
  });
}

void TcpStream::Flush() {
  if (closed_ || closing_ || wait_pending_ || queue_.unsent_bytes() == 0) return;
  absl::StatusOr<SendQueue::Progress> progress =
      queue_.WriteSome(socket_.native_handle(), kWriteBudgetBytes);
  if (!progress.ok()) return Finish(progress.status());
  switch (*progress) {
    case SendQueue::Progress::kBlocked:
      return WaitWritable();
    case SendQueue::Progress::kPartial:
      return PostFlush();
    case SendQueue::Progress::kDrained:
      break;
  }
  if (handler_ != nullptr) handler_->OnDrained();
}

void TcpStream::WaitWritable() {
  wait_pending_ = true;
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->wait_pending_ = false;
                       if (self->closed_ || self->shard_.dropping()) return;
                       // What is wrong with the socket, if anything, the next write tells.
                       if (!error) self->Flush();
                     });
}

bool TcpStream::has_unread() const {
  boost::system::error_code error;
  return !closed_ && socket_.available(error) > 0;
}

void TcpStream::PauseReading() {
  owner_.AssertCurrent();
  paused_ = true;
}

void TcpStream::ResumeReading() {
  owner_.AssertCurrent();
  paused_ = false;
  if (closed_ || closing_ || delivering_ || deliver_posted_) return;
  deliver_posted_ = true;
  shard_.Post([self = shared_from_this()] {
    self->deliver_posted_ = false;
    if (!self->closed_) self->Deliver();
  });
}

void TcpStream::Close() {
  owner_.AssertCurrent();
  if (closing_ || closed_) return;
  closing_ = true;
  shard_.Post(
      [self = shared_from_this()] { self->Finish(absl::CancelledError("closed by its owner")); });
}

void TcpStream::Finish(const absl::Status& why) {
  if (closed_) return;
  TearDown();
  if (ConnectionHandler* handler = std::exchange(handler_, nullptr)) handler->OnClosed(why);
}

void TcpStream::Abandon() {
  if (!shard_.IsCurrent()) {
    shard_.Post([self = shared_from_this()] { self->Abandon(); });
    return;
  }
  handler_ = nullptr;
  TearDown();
}

void TcpStream::TearDown() {
  closing_ = true;
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  queue_.Clear();
  ticket_.reset();
}

}  // namespace soliton

#include "bench/floor/node.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "bench/floor/socket.h"
#include "runtime/base/crc32c.h"

namespace soliton::floor {
namespace {

// Tags of epoll events: the listener, then followers, then connections.
constexpr uint64_t kListenerTag = 0;
constexpr uint64_t kFollowerTag = 1;
constexpr uint64_t kConnectionTag = 1000;
constexpr size_t kMaxEvents = 64;
// Below this, copying from memory is cheaper than sendfile.
constexpr uint64_t kMinSendfileBytes = 16 * 1024;

template <class T>
T Load(std::span<const uint8_t> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

}  // namespace

Node::Node(NodeOptions options)
    : options_(std::move(options)),
      epoll_(static_cast<int>(MustSucceed(::epoll_create1(EPOLL_CLOEXEC), "create an epoll"))),
      listener_(ListenOn(options_.port)),
      log_(fmt::format("{}/log-{}", options_.folder, options_.id)) {
  Watch(listener_.get(), EPOLLIN, kListenerTag);
  for (const int port : options_.peers) {
    Follower& follower = followers_.emplace_back(Follower{.fd = ConnectTo(port)});
    const Hello hello{.role = Role::kReplicate, .origin = options_.id};
    SendAll(follower.fd.get(), &hello, sizeof(hello));
    SetNonBlocking(follower.fd.get());
    Watch(follower.fd.get(), EPOLLIN, kFollowerTag + followers_.size() - 1);
  }
}

void Node::Watch(int fd, uint32_t events, uint64_t tag, bool again) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag;
  MustSucceed(::epoll_ctl(epoll_.get(), again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event),
              "watch a descriptor");
}

void Node::Run() {
  std::puts("ready");
  std::fflush(stdout);
  while (true) Turn(-1);
}

void Node::Turn(int timeout_ms) {
  std::array<epoll_event, kMaxEvents> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), kMaxEvents, timeout_ms);
  if (count < 0 && errno == EINTR) return;
  MustSucceed(count, "wait for events");
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    const uint64_t tag = events[i].data.u64;
    if (tag == kListenerTag) {
      Accept();
    } else if (tag < kConnectionTag) {
      Follower& follower = followers_[tag - kFollowerTag];
      if ((events[i].events & EPOLLOUT) != 0) {
        follower.blocked = false;
        Watch(follower.fd.get(), EPOLLIN, tag, /*again=*/true);
      }
      if ((events[i].events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) HearFollower(follower);
    } else if (!Receive(*connections_[tag - kConnectionTag])) {
      connections_[tag - kConnectionTag].reset();
    }
  }
  // To the followers before the own flush, so that theirs run beside it.
  for (size_t i = 0; i < followers_.size(); ++i) PassOn(followers_[i], i);
  recent_ = {};
  if (options_.flush) {
    log_.Flush();
    for (auto& connection : connections_) {
      if (connection && connection->copy) connection->copy->Flush();
    }
  }
  const uint64_t committed = Committed();
  for (auto& connection : connections_) {
    if (connection) Answer(*connection, committed);
  }
}

void Node::Accept() {
  UniqueFd fd = AcceptFrom(listener_.get());
  if (!fd.valid()) return;
  Watch(fd.get(), EPOLLIN, kConnectionTag + connections_.size());
  connections_.push_back(std::make_unique<Connection>(std::move(fd), options_.buffer_bytes));
}

bool Node::Receive(Connection& connection) {
  connection.buffer.Need(connection.needed);
  const std::span<uint8_t> room = connection.buffer.room();
  const ssize_t count = ::recv(connection.fd.get(), room.data(), room.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (count <= 0) return false;
  connection.buffer.Filled(static_cast<size_t>(count));
  return Take(connection);
}

bool Node::Take(Connection& connection) {
  if (!connection.hello) {
    if (connection.buffer.received().size() < sizeof(Hello)) return true;
    connection.hello = Load<Hello>(connection.buffer.received());
    connection.buffer.Consume(sizeof(Hello));
    if (connection.hello->role == Role::kReplicate) {
      connection.copy = std::make_unique<LogFile>(
          fmt::format("{}/copy-of-{}", options_.folder, connection.hello->origin));
    }
  }
  switch (connection.hello->role) {
    case Role::kProduce:
      return TakeFrames(connection, log_);
    case Role::kReplicate:
      return TakeFrames(connection, *connection.copy);
    case Role::kConsume:
      TakeConsumeRequests(connection);
      return true;
  }
  return false;
}

// Appends all whole frames with one write. False: damaged.
bool Node::TakeFrames(Connection& connection, LogFile& log) {
  const std::span<const uint8_t> received = connection.buffer.received();
  size_t whole = 0;
  size_t needed = sizeof(FrameHeader);
  while (received.size() - whole >= sizeof(FrameHeader)) {
    const auto header = Load<FrameHeader>(received.subspan(whole));
    needed = sizeof(FrameHeader) + header.payload_bytes;
    if (received.size() - whole < needed) break;
    if (Crc32c(received.subspan(whole + sizeof(FrameHeader), header.payload_bytes)) !=
        header.crc32c) {
      std::fprintf(stderr, "error: a frame with a wrong CRC\n");
      return false;
    }
    whole += needed;
    needed = sizeof(FrameHeader);
    if (!connection.copy) connection.waiting.push_back(log.end() + whole);
  }
  if (whole > 0) log.Append(received.first(whole));
  if (whole > 0 && !connection.copy) recent_ = received.first(whole);
  connection.buffer.Consume(whole);
  connection.needed = needed;
  return true;
}

void Node::TakeConsumeRequests(Connection& connection) {
  while (connection.buffer.received().size() >= sizeof(ConsumeRequest)) {
    const auto request = Load<ConsumeRequest>(connection.buffer.received());
    connection.buffer.Consume(sizeof(ConsumeRequest));
    const uint64_t end = Committed();
    auto position = static_cast<off_t>(std::min(request.position, end));
    uint64_t left = std::min(request.max_bytes, end - static_cast<uint64_t>(position));
    const ConsumeAnswer answer{.bytes = left, .end_offset = end};
    SendAll(connection.fd.get(), &answer, sizeof(answer), left > 0 ? MSG_MORE : 0);
    while (left > 0) {
      const ssize_t sent = ::sendfile(connection.fd.get(), log_.fd(), &position, left);
      if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
      if (sent < 0 && errno == EAGAIN) {
        AwaitWritable(connection.fd.get());  // readers are measured alone: nobody is kept waiting
        continue;
      }
      left -= static_cast<uint64_t>(MustSucceed(sent, "send a part of the log"));
    }
  }
}

void Node::HearFollower(Follower& follower) {
  std::array<uint64_t, 512> answers{};
  const ssize_t count = ::recv(follower.fd.get(), answers.data(), sizeof(answers), 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0 || static_cast<size_t>(count) % sizeof(uint64_t) != 0) {
    std::fprintf(stderr, "error: a follower has gone\n");
    std::exit(1);
  }
  follower.safe = answers[static_cast<size_t>(count) / sizeof(uint64_t) - 1];
}

void Node::PassOn(Follower& follower, size_t index) {
  while (!follower.blocked && follower.sent < log_.end()) {
    const int64_t sent = SendSome(follower);
    if (sent < 0 && errno == EAGAIN) {
      follower.blocked = true;
      Watch(follower.fd.get(), EPOLLIN | EPOLLOUT, kFollowerTag + index, /*again=*/true);
      return;
    }
    follower.sent += static_cast<uint64_t>(MustSucceed(sent, "replicate"));
  }
}

int64_t Node::SendSome(Follower& follower) {
  const uint64_t pending = log_.end() - follower.sent;
  if (pending < kMinSendfileBytes && pending <= recent_.size()) {
    const std::span<const uint8_t> bytes = recent_.last(pending);
    return ::send(follower.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  auto position = static_cast<off_t>(follower.sent);
  return ::sendfile(follower.fd.get(), log_.fd(), &position, pending);
}

uint64_t Node::Committed() const {
  uint64_t committed = log_.safe(options_.flush);
  for (const Follower& follower : followers_) committed = std::min(committed, follower.safe);
  return committed;
}

void Node::Answer(Connection& connection, uint64_t committed) {
  if (connection.copy) {
    const uint64_t safe = connection.copy->safe(options_.flush);
    if (safe == connection.answered) return;
    connection.answered = safe;
    SendAll(connection.fd.get(), &safe, sizeof(safe));
    return;
  }
  answers_.clear();
  while (!connection.waiting.empty() && connection.waiting.front() <= committed) {
    connection.waiting.pop_front();
    answers_.push_back(++connection.answered);
  }
  if (answers_.empty()) return;
  SendAll(connection.fd.get(), answers_.data(), answers_.size() * sizeof(uint64_t));
}

}  // namespace soliton::floor

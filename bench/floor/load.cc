#include "bench/floor/load.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>

#include "bench/floor/framing.h"
#include "bench/floor/socket.h"
#include "bench/load/load_payload.h"
#include "runtime/base/crc32c.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/native_clock.h"

namespace soliton::floor {
namespace {

constexpr size_t kMaxPieces = 64;
constexpr size_t kMaxAnswers = 4096;
constexpr size_t kReceiveBytes = 1 << 20;

struct Lane {
  UniqueFd fd;
  // Produce.
  size_t unsent = 0;  // bytes of frames that are due, the first of which may be half sent
  bool blocked = false;
  std::deque<MonotonicTime> sent_at;
  // Consume.
  uint64_t position = 0;
  uint64_t left = 0;  // of the answer
  uint64_t end_offset = 0;
  size_t header_bytes = 0;
  ConsumeAnswer header;
};

// A loop over one connection per node, with the clock and the limits of both loads.
class Load {
 public:
  Load(const LoadOptions& options, Role role)
      : options_(options),
        cpu_(options.pids),
        epoll_(static_cast<int>(MustSucceed(::epoll_create1(EPOLL_CLOEXEC), "create an epoll"))) {
    for (const int port : options.nodes) {
      Lane& lane = lanes_.emplace_back();
      lane.fd = ConnectTo(port);
      const Hello hello{.role = role};
      SendAll(lane.fd.get(), &hello, sizeof(hello));
      SetNonBlocking(lane.fd.get());
      Watch(lanes_.size() - 1, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  bench::LoadReport Produce() {
    frame_ = MakeFrame(static_cast<size_t>(options_.batch_bytes));
    Begin();
    for (int32_t i = 0; i < options_.in_flight; ++i) {
      for (Lane& lane : lanes_) {
        if (WantsMore()) QueueFrame(lane);
      }
    }
    for (size_t i = 0; i < lanes_.size(); ++i) Push(i);
    while (outstanding_ > 0) {
      for (const epoll_event& event : Wait()) {
        Lane& lane = lanes_[event.data.u64];
        if ((event.events & EPOLLOUT) != 0) {
          lane.blocked = false;
          Watch(event.data.u64, EPOLLIN, EPOLL_CTL_MOD);
        }
        if ((event.events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) TakeAnswers(lane);
        Push(event.data.u64);
      }
    }
    return End();
  }

  bench::LoadReport Consume() {
    buffer_.resize(kReceiveBytes);
    Begin();
    for (Lane& lane : lanes_) Ask(lane);
    while (outstanding_ > 0) {
      for (const epoll_event& event : Wait()) TakeData(lanes_[event.data.u64]);
    }
    return End();
  }

 private:
  static std::vector<uint8_t> MakeFrame(size_t payload_bytes) {
    std::string payload(payload_bytes, '\0');
    bench::LoadPayload().Fill(payload);
    const FrameHeader header{
        .payload_bytes = static_cast<uint32_t>(payload_bytes),
        .crc32c = Crc32c({reinterpret_cast<const uint8_t*>(payload.data()), payload.size()})};
    std::vector<uint8_t> frame(sizeof(header) + payload_bytes);
    std::memcpy(frame.data(), &header, sizeof(header));
    std::memcpy(frame.data() + sizeof(header), payload.data(), payload.size());
    return frame;
  }

  void Begin() {
    const absl::Status started = cpu_.Start();
    if (!started.ok()) Fail(started.ToString());
    started_ = now_ = clock_.Now();
  }

  bench::LoadReport End() {
    figures_.elapsed = clock_.Now() - started_;
    const absl::Status stopped = cpu_.Stop();
    if (!stopped.ok()) Fail(stopped.ToString());
    return {.figures = figures_, .broker_cpu = cpu_.others(), .own_cpu = cpu_.own()};
  }

  [[noreturn]] static void Fail(const std::string& why) {
    std::fprintf(stderr, "error: %s\n", why.c_str());
    std::exit(1);
  }

  void Watch(size_t index, uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = index;
    MustSucceed(::epoll_ctl(epoll_.get(), operation, lanes_[index].fd.get(), &event),
                "watch a connection");
  }

  std::span<const epoll_event> Wait() {
    const int count =
        ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), -1);
    now_ = clock_.Now();
    if (count < 0 && errno == EINTR) return {};
    MustSucceed(count, "wait for events");
    return std::span(events_).first(static_cast<size_t>(count));
  }

  bool WantsMore() const {
    if (options_.limit.bytes > 0 && requested_bytes_ >= options_.limit.bytes) return false;
    return options_.limit.time <= Duration::zero() || now_ - started_ < options_.limit.time;
  }

  void QueueFrame(Lane& lane) {
    lane.unsent += frame_.size();
    lane.sent_at.push_back(now_);
    requested_bytes_ += options_.batch_bytes;
    ++figures_.requests;
    ++outstanding_;
  }

  // Sends what is due, many copies of the frame with one call.
  void Push(size_t index) {
    Lane& lane = lanes_[index];
    std::array<iovec, kMaxPieces> pieces{};
    while (lane.unsent > 0 && !lane.blocked) {
      size_t count = 0;
      for (size_t left = lane.unsent; left > 0 && count < kMaxPieces; ++count) {
        const size_t size = left % frame_.size() == 0 ? frame_.size() : left % frame_.size();
        pieces[count] = {frame_.data() + (frame_.size() - size), size};
        left -= size;
      }
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = count;
      const ssize_t sent = ::sendmsg(lane.fd.get(), &message, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) {
        lane.blocked = true;
        Watch(index, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        return;
      }
      lane.unsent -= static_cast<size_t>(MustSucceed(sent, "send frames"));
    }
  }

  void TakeAnswers(Lane& lane) {
    std::array<uint64_t, kMaxAnswers> answers;
    const ssize_t received = ::recv(lane.fd.get(), answers.data(), sizeof(answers), 0);
    if (received < 0 && errno == EAGAIN) return;
    if (received <= 0 || static_cast<size_t>(received) % sizeof(uint64_t) != 0) {
      Fail("a node has gone");
    }
    for (size_t i = 0; i < static_cast<size_t>(received) / sizeof(uint64_t); ++i) {
      figures_.latency.Add(now_ - lane.sent_at.front());
      lane.sent_at.pop_front();
      figures_.bytes += options_.batch_bytes;
      --outstanding_;
      if (WantsMore()) QueueFrame(lane);
    }
  }

  void Ask(Lane& lane) {
    const ConsumeRequest request{.position = lane.position,
                                 .max_bytes = static_cast<uint64_t>(options_.fetch_bytes)};
    SendAll(lane.fd.get(), &request, sizeof(request));
    lane.sent_at.push_back(now_);
    lane.header_bytes = 0;
    ++figures_.requests;
    ++outstanding_;
  }

  void TakeData(Lane& lane) {
    if (lane.header_bytes < sizeof(ConsumeAnswer)) {
      auto* const at = reinterpret_cast<uint8_t*>(&lane.header) + lane.header_bytes;
      const ssize_t received =
          ::recv(lane.fd.get(), at, sizeof(ConsumeAnswer) - lane.header_bytes, 0);
      if (received < 0 && errno == EAGAIN) return;
      if (received <= 0) Fail("a node has gone");
      lane.header_bytes += static_cast<size_t>(received);
      if (lane.header_bytes < sizeof(ConsumeAnswer)) return;
      lane.left = lane.header.bytes;
    }
    while (lane.left > 0) {
      const ssize_t received =
          ::recv(lane.fd.get(), buffer_.data(), std::min<uint64_t>(buffer_.size(), lane.left), 0);
      if (received < 0 && errno == EAGAIN) return;
      if (received <= 0) Fail("a node has gone");
      lane.left -= static_cast<uint64_t>(received);
      lane.position += static_cast<uint64_t>(received);
      figures_.bytes += received;
    }
    figures_.latency.Add(now_ - lane.sent_at.front());
    lane.sent_at.pop_front();
    --outstanding_;
    if (lane.header.end_offset == 0) Fail("a log is empty: nothing to consume");
    if (lane.position >= lane.header.end_offset) lane.position = 0;
    requested_bytes_ = figures_.bytes;
    if (WantsMore()) Ask(lane);
  }

  const LoadOptions options_;
  bench::CpuMeter cpu_;
  NativeClock clock_;
  UniqueFd epoll_;
  std::vector<Lane> lanes_;
  std::array<epoll_event, 64> events_{};
  std::vector<uint8_t> frame_;
  std::vector<uint8_t> buffer_;
  MonotonicTime started_;
  MonotonicTime now_;
  int64_t requested_bytes_ = 0;
  int64_t outstanding_ = 0;
  bench::LoadFigures figures_;
};

}  // namespace

bench::LoadReport RunProduce(const LoadOptions& options) {
  return Load(options, Role::kProduce).Produce();
}

bench::LoadReport RunConsume(const LoadOptions& options) {
  return Load(options, Role::kConsume).Consume();
}

}  // namespace soliton::floor

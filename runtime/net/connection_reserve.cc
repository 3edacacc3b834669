#include "runtime/net/connection_reserve.h"

#include <sys/socket.h>

#include <array>

namespace soliton {
namespace {

using boost::system::error_code;

constexpr size_t kPrefixBytes = 4;
// Enough of a request to see who sends it (as FrameReader's).
constexpr size_t kHeadBytes = 48;

}  // namespace

void ConnectionReserve::Offer(const boost::asio::ip::tcp& protocol, UniqueFd fd,
                              std::string address) {
  auto candidate = std::make_shared<Candidate>(
      Candidate{boost::asio::ip::tcp::socket(home_.io_context()), std::move(address)});
  error_code error;
  candidate->socket.assign(protocol, fd.get(), error);
  if (error) return;
  fd.Release();
  waiting_.push_back(candidate);
  candidate->socket.async_wait(boost::asio::ip::tcp::socket::wait_read,
                               [self = shared_from_this(), candidate](const error_code& failed) {
                                 if (!failed && !self->home_.dropping())
                                   self->OnReadable(candidate);
                               });
  if (static_cast<int64_t>(waiting_.size()) <= slots_) return;
  const std::shared_ptr<Candidate> oldest = waiting_.front();
  waiting_.pop_front();
  oldest->socket.close(error);
  hooks_.refuse(oldest->address);
}

void ConnectionReserve::OnReadable(const std::shared_ptr<Candidate>& candidate) {
  // Closed between becoming readable and now.
  if (!candidate->socket.is_open()) return;
  waiting_.remove(candidate);
  error_code error;
  if (taken_ >= slots_ || !Judge(*candidate)) {
    candidate->socket.close(error);
    return hooks_.refuse(candidate->address);
  }
  UniqueFd fd(candidate->socket.release(error));
  if (error) return;
  ++taken_;
  hooks_.take(std::move(fd), {nullptr, [weak = weak_from_this(), home = &home_](void*) {
                                if (weak.expired()) return;
                                home->Post([weak] {
                                  if (auto self = weak.lock()) --self->taken_;
                                });
                              }});
}

// A peer sends its first request in one piece, or close to it; the rest of a slow one is not
// waited for.
bool ConnectionReserve::Judge(Candidate& candidate) const {
  std::array<uint8_t, kPrefixBytes + kHeadBytes> bytes;
  const ssize_t count =
      ::recv(candidate.socket.native_handle(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (count <= static_cast<ssize_t>(kPrefixBytes)) return false;
  return hooks_.judge(std::span(bytes).first(static_cast<size_t>(count)).subspan(kPrefixBytes));
}

void ConnectionReserve::Close() {
  error_code ignored;
  for (const auto& candidate : waiting_) candidate->socket.close(ignored);
  waiting_.clear();
}

}  // namespace soliton

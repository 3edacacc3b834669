#include "protocol/session/client_session_core.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/check.h"

namespace soliton::kafka {
namespace {

constexpr int16_t kApiVersionsKey = 18;

}  // namespace

ClientSessionCore::ClientSessionCore(int16_t handshake_max_version)
    : handshake_version_(handshake_max_version) {}

int32_t ClientSessionCore::TakeCorrelationId() {
  const int32_t id = next_correlation_id_;
  next_correlation_id_ = id == INT32_MAX ? 1 : id + 1;
  return id;
}

RequestToken ClientSessionCore::Submit(int16_t api_key, VersionRange ours, MonotonicTime deadline,
                                       bool expects_answer) {
  CHECK(state_ != State::kClosed);
  const RequestToken token = next_token_++;
  waiting_.push_back({token, api_key, ours, deadline, expects_answer});
  return token;
}

ClientSessionCore::Outgoing ClientSessionCore::OnConnected() {
  CHECK(state_ == State::kConnecting);
  state_ = State::kHandshaking;
  return RepeatHandshake();
}

ClientSessionCore::Outgoing ClientSessionCore::RepeatHandshake() {
  CHECK(state_ == State::kHandshaking);
  const Outgoing out{0, TakeCorrelationId(), handshake_version_};
  // No deadline of its own: whatever waits for the handshake has one.
  in_flight_.push_back({0, out.correlation_id, out.version, std::nullopt});
  return out;
}

absl::StatusOr<std::optional<ClientSessionCore::Outgoing>> ClientSessionCore::NextToSend(
    RequestToken* rejected) {
  if (state_ != State::kReady || waiting_.empty()) return std::nullopt;
  const Waiting next = waiting_.front();
  waiting_.pop_front();
  const absl::StatusOr<int16_t> version = peer_versions_.Negotiate(next.api_key, next.ours);
  if (!version.ok()) {
    *rejected = next.token;
    return version.status();
  }
  const Outgoing out{next.token, TakeCorrelationId(), *version};
  if (next.expects_answer) {
    in_flight_.push_back({next.token, out.correlation_id, *version, next.deadline});
  }
  return out;
}

absl::StatusOr<ClientSessionCore::Answered> ClientSessionCore::OnAnswer(int32_t correlation_id) {
  if (in_flight_.empty()) {
    return absl::DataLossError(
        fmt::format("an answer (correlation id {}) that nobody asked for", correlation_id));
  }
  const InFlight oldest = in_flight_.front();
  if (oldest.correlation_id != correlation_id) {
    return absl::DataLossError(fmt::format("answer out of order: correlation id {}, expected {}",
                                           correlation_id, oldest.correlation_id));
  }
  in_flight_.pop_front();
  return Answered{oldest.token == 0, oldest.token, oldest.version};
}

absl::StatusOr<ClientSessionCore::Handshake> ClientSessionCore::OnApiVersions(
    ErrorCode error, ApiVersionTable table) {
  CHECK(state_ == State::kHandshaking);
  if (error == ErrorCode::UNSUPPORTED_VERSION && handshake_version_ > 0) {
    // The peer lists its own range in the answer; one that does not is asked with version 0.
    const std::optional<VersionRange> theirs = table.Find(kApiVersionsKey);
    const int16_t below = static_cast<int16_t>(handshake_version_ - 1);
    handshake_version_ =
        theirs.has_value() ? std::clamp<int16_t>(theirs->max, 0, below) : int16_t{0};
    return Handshake::kAskAgain;
  }
  if (error != ErrorCode::NONE) {
    return absl::UnavailableError(
        fmt::format("the broker refused ApiVersions: {}", ErrorName(error)));
  }
  peer_versions_ = std::move(table);
  state_ = State::kReady;
  return Handshake::kReady;
}

std::optional<MonotonicTime> ClientSessionCore::NextDeadline() const {
  std::optional<MonotonicTime> next;
  const auto consider = [&next](MonotonicTime deadline) {
    if (!next.has_value() || deadline < *next) next = deadline;
  };
  for (const Waiting& request : waiting_) consider(request.deadline);
  for (const InFlight& request : in_flight_) {
    if (request.deadline.has_value()) consider(*request.deadline);
  }
  return next;
}

ClientSessionCore::Expired ClientSessionCore::Expire(MonotonicTime now) {
  Expired expired;
  for (const InFlight& request : in_flight_) {
    if (request.deadline.has_value() && *request.deadline <= now) expired.must_close = true;
  }
  std::erase_if(waiting_, [&](const Waiting& request) {
    if (request.deadline > now) return false;
    expired.unsent.push_back(request.token);
    return true;
  });
  // A peer that lets the handshake hang while requests run out of time is no use to anybody.
  if (!expired.unsent.empty() && state_ != State::kReady) expired.must_close = true;
  return expired;
}

std::vector<RequestToken> ClientSessionCore::Close() {
  std::vector<RequestToken> unanswered;
  for (const InFlight& request : in_flight_) {
    if (request.token != 0) unanswered.push_back(request.token);
  }
  for (const Waiting& request : waiting_) unanswered.push_back(request.token);
  in_flight_.clear();
  waiting_.clear();
  state_ = State::kClosed;
  return unanswered;
}

}  // namespace soliton::kafka

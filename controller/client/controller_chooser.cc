#include "controller/client/controller_chooser.h"

#include <algorithm>
#include <utility>

#include "runtime/base/check.h"

namespace soliton::controller {
namespace {

constexpr int kMaxHintsInARow = 3;

bool Contains(const std::vector<Endpoint>& all, const Endpoint& endpoint) {
  return std::find(all.begin(), all.end(), endpoint) != all.end();
}

}  // namespace

ControllerChooser::ControllerChooser(std::vector<Endpoint> configured)
    : configured_(std::move(configured)), known_(configured_) {
  CHECK(!configured_.empty(), "no controller to connect to");
}

void ControllerChooser::SetVoters(const std::map<int32_t, Endpoint>& voters) {
  std::vector<Endpoint> vote;
  for (const auto& [node_id, endpoint] : voters) {
    if (endpoint.port != 0) vote.push_back(endpoint);
  }
  known_.clear();
  for (const Endpoint& endpoint : configured_) {
    if (Contains(vote, endpoint)) known_.push_back(endpoint);
  }
  for (const std::vector<Endpoint>* more : {&std::as_const(vote), &configured_}) {
    for (const Endpoint& endpoint : *more) {
      if (!Contains(known_, endpoint)) known_.push_back(endpoint);
    }
  }
}

bool ControllerChooser::TrustsHint() { return hint_ && ++hints_followed_ <= kMaxHintsInARow; }

void ControllerChooser::Avoid(const Endpoint& lost, MonotonicTime until) {
  avoided_ = lost;
  avoid_until_ = until;
}

Endpoint ControllerChooser::Next(MonotonicTime now) {
  const std::optional<Endpoint> hint = std::exchange(hint_, std::nullopt);
  const bool avoids = now < avoid_until_;
  if (hint && !(avoids && *hint == avoided_)) return *hint;
  const auto next = [this] { return known_[next_++ % known_.size()]; };
  const Endpoint endpoint = next();
  return avoids && endpoint == avoided_ ? next() : endpoint;
}

}  // namespace soliton::controller

#include "broker/server/peer_broker.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "runtime/base/endian.h"

namespace soliton::broker {
namespace {

constexpr std::string_view kPrefix = "replica-";
// Behind API key, version and correlation id.
constexpr size_t kClientIdLengthAt = 8;
constexpr size_t kClientIdAt = 10;

template <typename Number>
bool ParseWhole(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

}  // namespace

std::string PeerBroker::ToClientId() const {
  return fmt::format("{}{}-{}", kPrefix, broker_id, broker_epoch);
}

std::optional<PeerBroker> PeerBroker::FromRequest(std::span<const uint8_t> head) {
  if (head.size() < kClientIdAt + kPrefix.size()) return std::nullopt;
  if (!std::equal(kPrefix.begin(), kPrefix.end(), head.data() + kClientIdAt)) return std::nullopt;
  const auto length = LoadBigEndian<int16_t>(head.data() + kClientIdLengthAt);
  if (length < static_cast<int16_t>(kPrefix.size()) ||
      static_cast<size_t>(length) > head.size() - kClientIdAt) {
    return std::nullopt;
  }
  std::string_view rest(reinterpret_cast<const char*>(head.data()) + kClientIdAt,
                        static_cast<size_t>(length));
  rest.remove_prefix(kPrefix.size());
  const size_t dash = rest.find('-');
  PeerBroker peer;
  if (dash == std::string_view::npos || !ParseWhole(rest.substr(0, dash), peer.broker_id) ||
      !ParseWhole(rest.substr(dash + 1), peer.broker_epoch)) {
    return std::nullopt;
  }
  return peer;
}

bool PeerBroker::IsRegisteredIn(const controller::MetadataImage& image) const {
  const controller::BrokerInfo* broker = image.FindBroker(broker_id);
  return broker != nullptr && broker->broker_epoch == broker_epoch;
}

}  // namespace soliton::broker

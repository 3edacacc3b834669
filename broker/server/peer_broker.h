// What brokers of a cluster call themselves to each other: the client id says which broker and
// which of its registrations. It is no proof (listeners do not authenticate their peers yet), but
// the registration's number is told to nobody but the brokers and the controller, so a client does
// not pass for a broker by its name alone. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "controller/metadata/metadata_image.h"

namespace soliton::broker {

struct PeerBroker {
  int32_t broker_id = -1;
  int64_t broker_epoch = -1;

  std::string ToClientId() const;
  // The peer whose request (its header at least) begins with `head`; nullopt when it claims to be
  // none.
  static std::optional<PeerBroker> FromRequest(std::span<const uint8_t> head);
  // Whether that is a broker as it is registered now.
  bool IsRegisteredIn(const controller::MetadataImage& image) const;

  friend bool operator==(const PeerBroker&, const PeerBroker&) = default;
};

}  // namespace soliton::broker

// What a peer seems to speak that sends something else than frames. For messages.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace soliton {

// From the first bytes of a stream (four are enough): "TLS", "HTTP", "SSH" ...; "" when they tell
// nothing.
std::string_view ForeignProtocol(std::span<const uint8_t> first_bytes);

}  // namespace soliton

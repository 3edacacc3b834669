#include "runtime/net/foreign_protocol.h"

#include <algorithm>
#include <array>
#include <utility>

namespace soliton {
namespace {

constexpr size_t kNeededBytes = 4;

// Read as a frame length each of these is above 1 GiB.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kOpenings = {{
    {"GET ", "HTTP"},
    {"POST", "HTTP"},
    {"PUT ", "HTTP"},
    {"HEAD", "HTTP"},
    {"DELE", "HTTP"},
    {"OPTI", "HTTP"},
    {"PATC", "HTTP"},
    {"TRAC", "HTTP"},
    {"CONN", "HTTP"},
    {"PRI ", "HTTP/2"},
    {"HTTP", "HTTP"},
    {"SSH-", "SSH"},
    {"PROX", "the PROXY protocol"},
    {"\r\n\r\n", "the PROXY protocol"},
}};

}  // namespace

std::string_view ForeignProtocol(std::span<const uint8_t> first_bytes) {
  if (first_bytes.size() < kNeededBytes) return "";
  // A record of TLS: handshake (22) or alert (21), then a version 3.0 to 3.4.
  const bool record = first_bytes[0] == 0x16 || first_bytes[0] == 0x15;
  if (record && first_bytes[1] == 3 && first_bytes[2] <= 4) return "TLS";
  for (const auto& [opening, protocol] : kOpenings) {
    if (std::equal(opening.begin(), opening.end(), first_bytes.begin())) return protocol;
  }
  return "";
}

}  // namespace soliton

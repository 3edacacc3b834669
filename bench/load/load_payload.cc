#include "bench/load/load_payload.h"

namespace soliton::bench {

// xorshift64.
void LoadPayload::Fill(std::span<char> bytes) {
  for (char& byte : bytes) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    byte = static_cast<char>(state_ >> 32);
  }
}

}  // namespace soliton::bench

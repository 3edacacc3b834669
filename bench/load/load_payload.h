// What loads send: bytes that no compression and no page deduplication of the machine makes cheaper
// than they are. The same ones in every run.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace soliton::bench {

class LoadPayload {
 public:
  // Replaces all of `bytes` by the next ones.
  void Fill(std::span<char> bytes);

 private:
  uint64_t state_ = 0x9e3779b97f4a7c15;
};

}  // namespace soliton::bench

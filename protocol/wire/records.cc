#include "protocol/wire/records.h"

#include <vector>

#include "runtime/base/check.h"

namespace soliton::kafka {
namespace {

// Neighbouring memory joined, so that two cuttings of the same bytes compare equal.
struct NormalPiece {
  std::string memory;
  FileRegion region;

  friend bool operator==(const NormalPiece& a, const NormalPiece& b) {
    return a.memory == b.memory && a.region.file == b.region.file &&
           a.region.position == b.region.position && a.region.length == b.region.length;
  }
};

std::vector<NormalPiece> Normalize(const BufferChain& chain) {
  std::vector<NormalPiece> pieces;
  bool in_memory = false;
  chain.ForEachPiece(
      [&](const Buffer& memory) {
        if (!in_memory) pieces.emplace_back();
        pieces.back().memory += memory.view();
        in_memory = true;
      },
      [&](const FileRegion& region) {
        pieces.emplace_back().region = region;
        in_memory = false;
      });
  return pieces;
}

}  // namespace

const Buffer& Records::buffer() const {
  static const Buffer kNone;
  if (chain_.empty()) return kNone;
  const Buffer* only = chain_.single();
  CHECK(only != nullptr, "records in {} pieces, or in a file", chain_.piece_count());
  return *only;
}

Buffer Records::TakeBuffer() {
  CHECK(chain_.empty() || chain_.single() != nullptr, "records in {} pieces, or in a file",
        chain_.piece_count());
  present_ = false;
  return chain_.TakeSingle();
}

bool operator==(const Records& a, const Records& b) {
  if (a.present_ != b.present_ || a.size_bytes() != b.size_bytes()) return false;
  return Normalize(a.chain_) == Normalize(b.chain_);
}

}  // namespace soliton::kafka

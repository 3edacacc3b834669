#include "protocol/wire/records.h"

#include <variant>
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
  for (const BufferChain::Piece& piece : chain.pieces()) {
    if (const Buffer* buffer = std::get_if<Buffer>(&piece)) {
      if (!in_memory) pieces.emplace_back();
      pieces.back().memory += buffer->view();
      in_memory = true;
    } else {
      pieces.emplace_back().region = std::get<FileRegion>(piece);
      in_memory = false;
    }
  }
  return pieces;
}

}  // namespace

Buffer Records::buffer() const {
  if (chain_.empty()) return Buffer();
  CHECK(chain_.pieces().size() == 1, "records in {} pieces", chain_.pieces().size());
  const Buffer* buffer = std::get_if<Buffer>(&chain_.pieces().front());
  CHECK(buffer != nullptr, "records lie in a file");
  return *buffer;
}

bool operator==(const Records& a, const Records& b) {
  if (a.present_ != b.present_ || a.size_bytes() != b.size_bytes()) return false;
  return Normalize(a.chain_) == Normalize(b.chain_);
}

}  // namespace soliton::kafka

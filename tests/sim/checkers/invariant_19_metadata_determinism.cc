#include "tests/sim/checkers/invariant_19_metadata_determinism.h"

#include <fmt/format.h>

namespace soliton::sim {

absl::Status MetadataDeterminism::Observe(const std::string& who, int64_t offset,
                                          uint64_t content_hash) {
  int64_t& position = position_.try_emplace(who, offset).first->second;
  if (offset < position) {
    return absl::InternalError(
        fmt::format("{} goes back from metadata offset {} to {}", who, position, offset));
  }
  position = offset;
  const auto [seen, first] = at_.try_emplace(offset, Seen{who, content_hash});
  if (first || seen->second.content_hash == content_hash) return absl::OkStatus();
  return absl::InternalError(
      fmt::format("{} and {} hold different metadata at offset {}", seen->second.who, who, offset));
}

}  // namespace soliton::sim

#include "protocol/wire/message_frame.h"

#include <fmt/format.h>

namespace soliton::kafka::internal {

absl::Status CheckCorrelation(int32_t got, int32_t expected) {
  if (got == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("response with correlation id {}, {} expected", got, expected));
}

}  // namespace soliton::kafka::internal

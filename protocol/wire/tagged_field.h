// A tagged field that the schema of this build does not know, kept as it came so that it survives
// re-encoding (KIP-482). `data` is a slice of the frame it came from. In a message they stand in
// ascending order of tags and never repeat a tag that the message's version knows.
#pragma once

#include <cstdint>

#include "runtime/base/buffer.h"

namespace soliton::kafka {

struct UnknownTaggedField {
  uint32_t tag = 0;
  Buffer data;

  friend bool operator==(const UnknownTaggedField&, const UnknownTaggedField&) = default;
};

}  // namespace soliton::kafka

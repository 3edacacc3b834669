// What a client may do, as bits of Kafka's operations: without ACLs, everything that there is.
#pragma once

#include <cstdint>

namespace soliton::broker {

inline constexpr int32_t kAllTopicOperations = 0b110111111000;
inline constexpr int32_t kAllClusterOperations = 0b1111110100000;

}  // namespace soliton::broker

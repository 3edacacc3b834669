// What the floor program's connections carry: nothing but lengths and checksums, in the machine's
// own byte order. A connection begins with a Hello; what follows depends on its role:
//   kProduce    frames (FrameHeader + payload); each is answered by its number (uint64_t, from 1)
//   kReplicate  the sender's log from its start on, which is such frames; answered by how many
//               bytes of it are safe (uint64_t), as often as the receiver sees fit
//   kConsume    ConsumeRequest, answered by ConsumeAnswer and that many bytes of the node's log
#pragma once

#include <cstdint>

namespace soliton::floor {

enum class Role : uint32_t { kProduce = 1, kReplicate = 2, kConsume = 3 };

struct Hello {
  Role role{};
  uint32_t origin = 0;  // kReplicate: whose log
};

struct FrameHeader {
  uint32_t payload_bytes = 0;
  uint32_t crc32c = 0;  // of the payload
};

struct ConsumeRequest {
  uint64_t position = 0;
  uint64_t max_bytes = 0;
};

struct ConsumeAnswer {
  uint64_t bytes = 0;       // that follow
  uint64_t end_offset = 0;  // committed bytes of the log
};

}  // namespace soliton::floor

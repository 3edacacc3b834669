// How full the file system that holds a folder is.
#pragma once

#include <cstdint>

namespace soliton {

struct DiskSpace {
  int64_t free_bytes = 0;  // for this process
  int64_t total_bytes = 0;
};

}  // namespace soliton

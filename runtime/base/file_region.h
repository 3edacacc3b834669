// [position, position+length) of an open file. Holding one keeps the file's descriptor open, so
// retention may unlink the file while the region is still on its way to a socket.
#pragma once

#include <cstdint>
#include <memory>

namespace soliton {

class File;  // runtime/file/file_system.h

struct FileRegion {
  std::shared_ptr<File> file;
  int64_t position = 0;
  int64_t length = 0;
};

}  // namespace soliton

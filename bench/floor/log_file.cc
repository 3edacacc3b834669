#include "bench/floor/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "bench/floor/socket.h"

namespace soliton::floor {

LogFile::LogFile(const std::string& path)
    : fd_(static_cast<int>(
          MustSucceed(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644),
                      "create the log file"))) {}

void LogFile::Append(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const auto written = static_cast<size_t>(
        MustSucceed(::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(end_)),
                    "append to the log file"));
    end_ += written;
    bytes = bytes.subspan(written);
  }
}

void LogFile::Flush() {
  if (flushed_ == end_) return;
  MustSucceed(::fdatasync(fd_.get()), "flush the log file");
  flushed_ = end_;
}

}  // namespace soliton::floor

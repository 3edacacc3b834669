#include "cli/streams.h"

namespace soliton::cli {

void FileSink::Write(std::string_view text) {
  if (ok_ && !text.empty()) ok_ = std::fwrite(text.data(), 1, text.size(), file_) == text.size();
}

void FileSink::Flush() {
  if (ok_) ok_ = std::fflush(file_) == 0;
}

}  // namespace soliton::cli

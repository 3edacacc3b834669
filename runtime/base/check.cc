#include "runtime/base/check.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "runtime/obs/logging.h"

namespace soliton {
namespace {
// Read by every thread, written by tests before they start any.
std::atomic<bool> data_checks_fatal{false};
}  // namespace

void CheckFailed(const char* expression, const char* file, int line, std::string_view message) {
  // Straight to stderr: the logger may be what is broken.
  std::fprintf(stderr, "CHECK failed: %s at %s:%d: %.*s\n", expression, file, line,
               static_cast<int>(message.size()), message.data());
  std::fflush(stderr);
  std::abort();
}

void SetDataChecksFatal(bool fatal) { data_checks_fatal.store(fatal, std::memory_order_relaxed); }

namespace internal {

bool DataCheckFailed(std::string_view message) {
  if (data_checks_fatal.load(std::memory_order_relaxed)) {
    CheckFailed("DataCheck", "(bytes from outside)", 0, message);
  }
  LogWarn("data check failed: {}", message);
  return false;
}

}  // namespace internal
}  // namespace soliton

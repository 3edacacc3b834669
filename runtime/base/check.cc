#include "runtime/base/check.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "runtime/base/check_context.h"
#include "runtime/obs/logging.h"

namespace soliton {
namespace {
// Read by every thread, written by tests before they start any.
std::atomic<bool> data_checks_fatal{false};
thread_local std::string check_context;
}  // namespace

void CheckFailed(const char* expression, const char* file, int line, std::string_view message) {
  // Straight to stderr: the logger may be what is broken.
  std::fprintf(stderr, "CHECK failed: %s at %s:%d: %.*s\n", expression, file, line,
               static_cast<int>(message.size()), message.data());
  if (!check_context.empty()) std::fprintf(stderr, "%s\n", check_context.c_str());
  std::fflush(stderr);
  std::abort();
}

void SetCheckContext(std::string context) { check_context = std::move(context); }

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

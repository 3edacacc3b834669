// Assertions, in three strengths.
//   CHECK(cond, fmt, args...)   an invariant of ours: always on; prints the message and aborts.
//   DCHECK(cond, fmt, args...)  the same for hot paths: on in debug builds and where
//   SOLITON_CHECKED is set. DataCheck(cond, fmt, ...)   bytes from disk or from a peer: false is an
//   error to handle, never a bug of
//                               this process. Returns cond, so callers write `if (!DataCheck(...))
//                               return err;`. Tests and the simulator may make it fatal to find the
//                               first bad byte.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace soliton {

// Prints "CHECK failed: <expression> at <file>:<line>: <message>" to stderr and aborts.
[[noreturn]] void CheckFailed(const char* expression, const char* file, int line,
                              std::string_view message);

// Whether a failed DataCheck aborts. Process-wide, off unless a test switches it on. Thread-safe.
void SetDataChecksFatal(bool fatal);

namespace internal {
inline std::string CheckMessage() { return {}; }
template <typename... Args>
std::string CheckMessage(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(format, std::forward<Args>(args)...);
}
// Logs (and aborts when fatal). Always returns false.
bool DataCheckFailed(std::string_view message);
}  // namespace internal

template <typename... Args>
[[nodiscard]] bool DataCheck(bool ok, fmt::format_string<Args...> format, Args&&... args) {
  if (ok) [[likely]]
    return true;
  return internal::DataCheckFailed(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace soliton

#define CHECK(condition, ...)                                                 \
  do {                                                                        \
    if (!(condition)) [[unlikely]]                                            \
      ::soliton::CheckFailed(#condition, __FILE__, __LINE__,                  \
                             ::soliton::internal::CheckMessage(__VA_ARGS__)); \
  } while (false)

#if !defined(NDEBUG) || defined(SOLITON_CHECKED)
#define DCHECK(condition, ...) CHECK(condition __VA_OPT__(, ) __VA_ARGS__)
#else
#define DCHECK(condition, ...)         \
  do {                                 \
    (void)sizeof((condition) ? 1 : 0); \
  } while (false)
#endif

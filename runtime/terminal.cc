#include "runtime/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/base/os_error.h"

namespace soliton {

bool IsTerminal(StandardStream stream) { return ::isatty(static_cast<int>(stream)) == 1; }

std::optional<TerminalSize> SizeOfTerminal(StandardStream stream) {
  winsize size{};
  if (::ioctl(static_cast<int>(stream), TIOCGWINSZ, &size) != 0) return std::nullopt;
  return TerminalSize{size.ws_col, size.ws_row};
}

bool ReaderHasGone(StandardStream stream) {
  pollfd output{static_cast<int>(stream), 0, 0};
  return ::poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

absl::Status WriteTo(StandardStream stream, std::string_view bytes) {
  const int fd = static_cast<int>(stream);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      // Another process may have made the shared terminal non-blocking.
      pollfd writable{fd, POLLOUT, 0};
      ::poll(&writable, 1, -1);
      continue;
    }
    if (errno == EPIPE) return absl::UnavailableError("the reader of the output has gone");
    return ErrnoStatus(errno, "write", "the output");
  }
  return absl::OkStatus();
}

}  // namespace soliton

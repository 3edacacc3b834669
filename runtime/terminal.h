// The standard streams of a command: whether they are terminals, how wide, and complete writes to
// them.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"

namespace soliton {

enum class StandardStream { kIn = 0, kOut = 1, kErr = 2 };

bool IsTerminal(StandardStream stream);

struct TerminalSize {
  int columns = 0;
  int rows = 0;
};
// nullopt when the stream is no terminal.
std::optional<TerminalSize> SizeOfTerminal(StandardStream stream);

// Whether the pipe that the stream writes to has lost its reader, without writing to it: for
// commands that may have nothing to say for long.
bool ReaderHasGone(StandardStream stream);

// Writes all of `bytes`; blocks. kUnavailable when the reader has gone (`soliton consume | head`):
// end quietly.
absl::Status WriteTo(StandardStream stream, std::string_view bytes);

}  // namespace soliton

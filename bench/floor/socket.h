// Loopback TCP sockets, set up as the brokers set up theirs (no delay, congestion control cubic).
// A floor program has no one to report to: what fails here ends the process with a message.
#pragma once

#include <cstdint>

#include "runtime/base/unique_fd.h"

namespace soliton::floor {

// `what` is for the message. Returns `result`.
int64_t MustSucceed(int64_t result, const char* what);

UniqueFd ListenOn(int port);
// Waits for a listener, at most 10 s. Blocking until SetNonBlocking().
UniqueFd ConnectTo(int port);
// An invalid descriptor when nobody waits.
UniqueFd AcceptFrom(int listener);
void SetNonBlocking(int fd);

// Until bytes can be sent, or 10 s.
void AwaitWritable(int fd);

// The whole of `bytes`, which the peer always has room for (answers are few and short).
void SendAll(int fd, const void* bytes, size_t size, int flags = 0);

}  // namespace soliton::floor

// What the operating system knows about this process and its children: for main(), the commands and
// the benches. Any thread unless said otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/loop/clock.h"

namespace soliton {

std::optional<std::string> EnvironmentVariable(const std::string& name);

int ProcessId();
std::string HostName();
// At least 1. Respects the CPU affinity mask.
int HardwareConcurrency();

struct ResourceUsage {
  Duration user_cpu{};
  Duration system_cpu{};
  int64_t resident_bytes = 0;
  int64_t peak_resident_bytes = 0;
  int64_t context_switches = 0;

  Duration cpu() const { return user_cpu + system_cpu; }
};
// Of the process `pid` (0: this one), from /proc. kNotFound when it does not exist.
absl::StatusOr<ResourceUsage> UsageOfProcess(int pid = 0);

// Runs `command` with /bin/sh and waits for it; blocks, so a shard gives it to a disk thread.
// Returns the exit code, or 128 + the signal's number.
absl::StatusOr<int> RunCommand(const std::string& command);

struct CommandOutput {
  int exit_code = 0;  // as RunCommand's
  std::string text;   // its standard output
};
// The same, and takes what it writes to its standard output, up to 1 MiB of it.
absl::StatusOr<CommandOutput> RunCommandForOutput(const std::string& command);

// Sends a signal; 0 only asks whether the process exists. kNotFound: it does not.
absl::Status SignalProcess(int pid, int signal);

// Lets the allocator keep the memory of frames instead of handing it to the system and faulting it
// in again for the next one. For main(), before there are threads.
void KeepFreedMemory();

// Of the machine, or of the container that this process is in. Never 0.
int64_t PhysicalMemoryBytes();

// Raises the limit of open descriptors to what is allowed; returns it.
absl::StatusOr<int64_t> RaiseDescriptorLimit();

// Elapsed monotonic time, for measuring.
class Stopwatch {
 public:
  Stopwatch();
  Duration elapsed() const;
  void Restart();

 private:
  MonotonicTime started_;
};

}  // namespace soliton

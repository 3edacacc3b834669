#include "runtime/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <malloc.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>

#include "runtime/base/os_error.h"
#include "runtime/base/unique_fd.h"
#include "runtime/file/posix_file_system.h"
#include "runtime/loop/native_clock.h"

extern char** environ;

namespace soliton {
namespace {

std::string ProcPath(int pid, std::string_view name) {
  return pid == 0 ? fmt::format("/proc/self/{}", name) : fmt::format("/proc/{}/{}", pid, name);
}

// The number behind `label` in a /proc "Label:  123 kB" file; 0 when missing.
int64_t LabelledNumber(std::string_view text, std::string_view label) {
  const size_t at = text.find(label);
  if (at == std::string_view::npos) return 0;
  const size_t digits = text.find_first_of("0123456789", at + label.size());
  if (digits == std::string_view::npos) return 0;
  int64_t value = 0;
  std::from_chars(text.data() + digits, text.data() + text.size(), value);
  return value;
}

// The numbers of /proc/PID/stat behind the command name, which may itself hold blanks and
// parentheses.
std::vector<int64_t> StatFields(std::string_view text) {
  std::vector<int64_t> fields;
  const size_t close = text.rfind(')');
  if (close == std::string_view::npos) return fields;
  text.remove_prefix(close + 1);
  while (!text.empty()) {
    const size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) break;
    const size_t end = std::min(text.find(' ', begin), text.size());
    int64_t value = 0;  // the one-letter state counts as 0
    std::from_chars(text.data() + begin, text.data() + end, value);
    fields.push_back(value);
    text.remove_prefix(end);
  }
  return fields;
}

// In nanoseconds before the division: a tick is a fraction of a second.
Duration FromTicks(int64_t ticks) { return Duration(seconds(ticks)) / ::sysconf(_SC_CLK_TCK); }

// /bin/sh with `command`; its standard output goes to `output` unless that is -1.
absl::StatusOr<pid_t> StartShell(const std::string& command, int output) {
  std::string shell = "/bin/sh";
  std::string option = "-c";
  std::string text = command;
  char* arguments[] = {shell.data(), option.data(), text.data(), nullptr};
  // The child gets the default dispositions back that this process has changed.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (output >= 0) posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, shell.c_str(), &actions, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return ErrnoStatus(error, "run", command);
  return child;
}

absl::StatusOr<int> AwaitExit(pid_t child, const std::string& command) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "wait for", command);
  }
  if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
  return WEXITSTATUS(status);
}

}  // namespace

std::optional<std::string> EnvironmentVariable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

int ProcessId() { return ::getpid(); }

std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  if (::gethostname(name, sizeof(name) - 1) != 0) return "localhost";
  return name;
}

int HardwareConcurrency() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    return std::max(1, CPU_COUNT(&allowed));
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

absl::StatusOr<ResourceUsage> UsageOfProcess(int pid) {
  PosixFileSystem fs;
  absl::StatusOr<std::string> stat = ReadFile(fs, ProcPath(pid, "stat"));
  if (!stat.ok()) return stat.status();
  absl::StatusOr<std::string> status = ReadFile(fs, ProcPath(pid, "status"));
  if (!status.ok()) return status.status();
  // proc(5) numbers the fields from 1 and ours begin with the third: utime is 14, stime 15.
  constexpr size_t kUserTicks = 14 - 3;
  constexpr size_t kSystemTicks = 15 - 3;
  const std::vector<int64_t> fields = StatFields(*stat);
  if (fields.size() <= kSystemTicks) return absl::InternalError("/proc stat is malformed");
  ResourceUsage usage;
  usage.user_cpu = FromTicks(fields[kUserTicks]);
  usage.system_cpu = FromTicks(fields[kSystemTicks]);
  // The sum is finer than the ticks of /proc, which are kept for how it divides.
  clockid_t clock = 0;
  timespec cpu{};
  if (::clock_getcpuclockid(pid, &clock) == 0 && ::clock_gettime(clock, &cpu) == 0) {
    const Duration total = seconds(cpu.tv_sec) + Duration(cpu.tv_nsec);
    usage.user_cpu = std::min(usage.user_cpu, total);
    usage.system_cpu = total - usage.user_cpu;
  }
  usage.resident_bytes = LabelledNumber(*status, "VmRSS:") * 1024;
  usage.peak_resident_bytes = LabelledNumber(*status, "VmHWM:") * 1024;
  usage.context_switches = LabelledNumber(*status, "\nvoluntary_ctxt_switches:") +
                           LabelledNumber(*status, "nonvoluntary_ctxt_switches:");
  return usage;
}

absl::StatusOr<int> RunCommand(const std::string& command) {
  const absl::StatusOr<pid_t> child = StartShell(command, -1);
  if (!child.ok()) return child.status();
  return AwaitExit(*child, command);
}

absl::StatusOr<CommandOutput> RunCommandForOutput(const std::string& command) {
  constexpr size_t kMaxBytes = 1 << 20;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe for", command);
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const absl::StatusOr<pid_t> child = StartShell(command, write_end.get());
  write_end.Reset(-1);
  if (!child.ok()) return child.status();
  CommandOutput output;
  for (;;) {
    char piece[4096];
    const ssize_t got = ::read(read_end.get(), piece, sizeof(piece));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    // The rest is read too, so that the command does not wait for somebody to read it.
    output.text.append(piece, std::min(static_cast<size_t>(got), kMaxBytes - output.text.size()));
  }
  const absl::StatusOr<int> exit_code = AwaitExit(*child, command);
  if (!exit_code.ok()) return exit_code.status();
  output.exit_code = *exit_code;
  return output;
}

absl::Status SignalProcess(int pid, int signal) {
  // 0 and negative numbers stand for groups of processes.
  if (pid <= 0) return absl::InvalidArgumentError(fmt::format("{} is no process id", pid));
  if (::kill(pid, signal) == 0) return absl::OkStatus();
  if (errno == ESRCH) return absl::NotFoundError(fmt::format("there is no process {}", pid));
  return ErrnoStatus(errno, "signal process", std::to_string(pid));
}

void KeepFreedMemory() {
  // Frames up to the first come from a heap, which gives back only what it has free beyond the
  // second.
  ::mallopt(M_MMAP_THRESHOLD, 16 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

int64_t PhysicalMemoryBytes() {
  constexpr int64_t kWhenUnknown = int64_t{1} << 30;
  const int64_t pages = ::sysconf(_SC_PHYS_PAGES);
  const int64_t page_bytes = ::sysconf(_SC_PAGESIZE);
  const int64_t machine = pages > 0 && page_bytes > 0 ? pages * page_bytes : kWhenUnknown;
  // "max" where the container has no limit.
  const absl::StatusOr<std::string> text = ReadFile(PosixFileSystem(), "/sys/fs/cgroup/memory.max");
  int64_t limit = 0;
  if (!text.ok()) return machine;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  return error == std::errc() && limit > 0 ? std::min(machine, limit) : machine;
}

absl::StatusOr<int64_t> RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus(errno, "read", "RLIMIT_NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return ErrnoStatus(errno, "raise", "RLIMIT_NOFILE");
  return static_cast<int64_t>(limit.rlim_cur);
}

Stopwatch::Stopwatch() { Restart(); }
Duration Stopwatch::elapsed() const { return NativeClock().Now() - started_; }
void Stopwatch::Restart() { started_ = NativeClock().Now(); }

}  // namespace soliton

// Other processes: starting them, and what /proc knows of them (signals: process.h). For commands
// and benches that run nodes. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace soliton {

// Starts a program in a session of its own, so that what is typed at this terminal does not reach
// it; it goes on when this process ends. Standard input is empty; both outputs are appended to
// `output_path`. Returns its process id, to be reaped.
absl::StatusOr<int> SpawnProcess(const std::vector<std::string>& words,
                                 const std::string& output_path);

// How a child ended.
struct ProcessEnd {
  int exit_code = 0;  // meaningless when a signal ended it
  int signal = 0;     // 0: it ended by itself

  // "killed by signal 9 (Killed)", "ended with exit code 3".
  std::string ToString() const;
};
// Nullopt while it runs. Once it was told, the id belongs to nobody.
std::optional<ProcessEnd> ReapProcess(int pid);

// R, S, T (stopped), Z (ended, not reaped) ... as in proc(5); nullopt when there is none.
std::optional<char> StateOfProcess(int pid);
// The words that it was started with; empty when there is none, or it may not be known.
std::vector<std::string> WordsOfProcess(int pid);

// The file of the running program.
absl::StatusOr<std::string> OwnExecutable();
// `path` from the root directory, without links or dots in what exists of it.
std::string AbsolutePath(const std::string& path);

// A process that listens at a TCP port of this machine.
struct PortHolder {
  std::optional<int> pid;  // not known of other users' processes
  std::string name;        // of its program, as in ps(1)
};
// Nullopt when nobody listens there.
std::optional<PortHolder> FindPortHolder(uint16_t port);

// Socket inodes that listen at `port`, from the text of /proc/net/tcp or tcp6.
std::vector<uint64_t> ListeningInodes(std::string_view table, uint16_t port);

// Where a directory's data is: "ext4 on /dev/vda", from the text of /proc/self/mountinfo. Empty
// when it does not say. `directory` is absolute.
std::string FileSystemOf(std::string_view mountinfo, std::string_view directory);
std::string FileSystemOf(const std::string& directory);

}  // namespace soliton

// Lines of standard input or of a file, read away from the shard that wants them. The shard asks
// for one batch at a time, so at most one batch is in memory beyond what it holds: a slow consumer
// stops the reading.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "runtime/loop/shard.h"

namespace soliton {

class LineReader {
 public:
  struct Batch {
    std::vector<std::string> lines;  // without the delimiter
    bool end_of_input = false;       // nothing follows; `lines` may hold the last ones
  };
  using BatchHandler = absl::AnyInvocable<void(absl::StatusOr<Batch>)>;

  struct Options {
    char delimiter = '\n';
    // A batch ends here, or earlier when no more input is there yet.
    int64_t max_batch_bytes = 1024 * 1024;
    // A longer line is kInvalidArgument.
    int64_t max_line_bytes = 64 * 1024 * 1024;
  };

  static std::unique_ptr<LineReader> OfStandardInput(const Options& options);
  static absl::StatusOr<std::unique_ptr<LineReader>> OfFile(const std::string& path,
                                                            const Options& options);
  // Interrupts a read that is waiting; its handler is dropped.
  virtual ~LineReader() = default;

  // Runs `handler` on `shard` with at least one line, the end, or an error. One call at a time.
  virtual void ReadBatch(Shard& shard, BatchHandler handler) = 0;
};

}  // namespace soliton

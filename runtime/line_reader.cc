#include "runtime/line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "runtime/base/check.h"
#include "runtime/base/os_error.h"
#include "runtime/base/unique_fd.h"

namespace soliton {
namespace {

constexpr size_t kReadBytes = 256 * 1024;

// Cuts lines out of what the descriptor delivers. Blocks; used by the reading thread only.
class LineSource {
 public:
  LineSource(int fd, int interrupt_fd, std::string name, const LineReader::Options& options)
      : fd_(fd), interrupt_fd_(interrupt_fd), name_(std::move(name)), options_(options) {}

  absl::StatusOr<LineReader::Batch> NextBatch() {
    LineReader::Batch batch;
    int64_t bytes = 0;
    while (true) {
      while (bytes < options_.max_batch_bytes && TakeLine(batch.lines)) {
        bytes += static_cast<int64_t>(batch.lines.back().size()) + 1;
      }
      if (!batch.lines.empty()) return batch;
      if (ended_) {
        if (begin_ < text_.size()) batch.lines.push_back(text_.substr(begin_));
        text_.clear();
        begin_ = 0;
        batch.end_of_input = true;
        return batch;
      }
      if (static_cast<int64_t>(text_.size() - begin_) > options_.max_line_bytes) {
        return absl::InvalidArgumentError(
            fmt::format("{}: a line is longer than {} bytes", name_, options_.max_line_bytes));
      }
      if (absl::Status read = ReadMore(); !read.ok()) return read;
    }
  }

 private:
  bool TakeLine(std::vector<std::string>& lines) {
    const size_t end = text_.find(options_.delimiter, std::max(begin_, searched_));
    if (end == std::string::npos) {
      searched_ = text_.size();
      return false;
    }
    lines.push_back(text_.substr(begin_, end - begin_));
    begin_ = end + 1;
    return true;
  }

  absl::Status ReadMore() {
    text_.erase(0, begin_);
    searched_ = text_.size();
    begin_ = 0;
    pollfd sources[] = {{fd_, POLLIN, 0}, {interrupt_fd_, POLLIN, 0}};
    while (::poll(sources, 2, -1) < 0) {
      if (errno != EINTR) return ErrnoStatus(errno, "wait for", name_);
    }
    if (sources[1].revents != 0) return absl::CancelledError("reading was interrupted");
    const size_t before = text_.size();
    text_.resize(before + kReadBytes);
    ssize_t count;
    do {
      count = ::read(fd_, text_.data() + before, kReadBytes);
    } while (count < 0 && errno == EINTR);
    const int error_number = errno;
    text_.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && error_number != EAGAIN) return ErrnoStatus(error_number, "read", name_);
    if (count == 0) ended_ = true;
    return absl::OkStatus();
  }

  const int fd_;
  const int interrupt_fd_;
  const std::string name_;
  const LineReader::Options options_;
  std::string text_;
  size_t begin_ = 0;     // of the first line that was not handed out
  size_t searched_ = 0;  // no delimiter in [begin_, searched_)
  bool ended_ = false;
};

class ThreadLineReader final : public LineReader {
 public:
  ThreadLineReader(UniqueFd owned, int fd, std::string name, const Options& options)
      : owned_(std::move(owned)),
        interrupt_(::eventfd(0, EFD_CLOEXEC)),
        source_(fd, interrupt_.get(), std::move(name), options),
        thread_([this] { Run(); }) {}

  ~ThreadLineReader() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      wake_.notify_one();
    }
    const uint64_t one = 1;
    const ssize_t written = ::write(interrupt_.get(), &one, sizeof(one));
    CHECK(written == sizeof(one), "cannot interrupt the reader");
    thread_.join();
  }

  void ReadBatch(Shard& shard, BatchHandler handler) override {
    std::lock_guard lock(mutex_);
    CHECK(!request_.has_value(), "one batch at a time");
    request_.emplace(Request{&shard, std::move(handler)});
    wake_.notify_one();
  }

 private:
  struct Request {
    Shard* shard;
    BatchHandler handler;
  };

  void Run() {
    while (true) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || request_.has_value(); });
      if (stopping_) return;
      Request request = std::move(*request_);
      request_.reset();
      lock.unlock();
      absl::StatusOr<Batch> batch = source_.NextBatch();
      if (absl::IsCancelled(batch.status())) return;
      request.shard->Post([handler = std::move(request.handler),
                           result = std::move(batch)]() mutable { handler(std::move(result)); });
    }
  }

  const UniqueFd owned_;
  const UniqueFd interrupt_;
  LineSource source_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Request> request_;  // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  std::thread thread_;              // last: it uses all of the above
};

}  // namespace

std::unique_ptr<LineReader> LineReader::OfStandardInput(const Options& options) {
  return std::make_unique<ThreadLineReader>(UniqueFd(), STDIN_FILENO, "standard input", options);
}

absl::StatusOr<std::unique_ptr<LineReader>> LineReader::OfFile(const std::string& path,
                                                               const Options& options) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "open", path);
  const int number = fd.get();
  return std::make_unique<ThreadLineReader>(std::move(fd), number, path, options);
}

}  // namespace soliton

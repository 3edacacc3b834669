#include "runtime/obs/logging.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>

namespace soliton {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

LogLevel FromSpdlog(spdlog::level::level_enum level) {
  if (level <= spdlog::level::debug) return LogLevel::kDebug;
  if (level == spdlog::level::info) return LogLevel::kInfo;
  if (level == spdlog::level::warn) return LogLevel::kWarn;
  return LogLevel::kError;
}

class JsonFormatter final : public spdlog::formatter {
 public:
  explicit JsonFormatter(std::string node) : node_(std::move(node)) {}

  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    const int64_t wall_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(line.time.time_since_epoch()).count();
    const std::string json = JsonLogLine(wall_ms, FromSpdlog(line.level), node_,
                                         {line.payload.data(), line.payload.size()});
    out.append(json.data(), json.data() + json.size());
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>(node_);
  }

 private:
  std::string node_;
};

std::unique_ptr<spdlog::formatter> TextFormatter(const std::string& node) {
  std::string escaped;  // '%' begins a flag in spdlog's patterns
  for (char c : node) escaped += c == '%' ? "%%" : std::string(1, c);
  const std::string where = escaped.empty() ? "" : " " + escaped;
  return std::make_unique<spdlog::pattern_formatter>("%H:%M:%S.%e %^%-5l%$" + where + "  %v");
}

std::shared_ptr<spdlog::logger> MakeLogger(bool json, const std::string& node) {
  const char* no_color = std::getenv("NO_COLOR");
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (json || (no_color != nullptr && *no_color != '\0')) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  }
  auto logger = std::make_shared<spdlog::logger>("soliton", std::move(sink));
  logger->set_level(spdlog::level::trace);  // LogEnabled has already decided
  if (json) {
    logger->set_formatter(std::make_unique<JsonFormatter>(node));
  } else {
    logger->set_formatter(TextFormatter(node));
  }
  return logger;
}

struct LogState {
  std::atomic<LogLevel> level{LogLevel::kInfo};
  std::mutex mutex;  // guards the pointers, not the writing
  std::shared_ptr<spdlog::logger> logger = MakeLogger(false, "");
  std::shared_ptr<const LogSink> sink;
};

// Never destroyed: threads may log while the process exits.
LogState& State() {
  static LogState* state = new LogState;
  return *state;
}

}  // namespace

std::string_view LogLevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      break;
  }
  return "off";
}

std::optional<LogLevel> ParseLogLevel(std::string_view name) {
  for (LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError, LogLevel::kOff}) {
    if (name == LogLevelName(level)) return level;
  }
  return std::nullopt;
}

void InitLogging(const LogOptions& options) {
  auto logger = MakeLogger(options.json.value_or(::isatty(STDERR_FILENO) == 0), options.node);
  LogState& state = State();
  state.level.store(options.level, std::memory_order_relaxed);
  std::lock_guard lock(state.mutex);
  state.logger = std::move(logger);
}

void SetLogLevel(LogLevel level) { State().level.store(level, std::memory_order_relaxed); }

void SetLogSink(LogSink sink) {
  auto shared = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
  LogState& state = State();
  std::lock_guard lock(state.mutex);
  state.sink = std::move(shared);
}

bool LogEnabled(LogLevel level) { return level >= State().level.load(std::memory_order_relaxed); }

void WriteLog(LogLevel level, std::string_view message) {
  LogState& state = State();
  std::shared_ptr<spdlog::logger> logger;
  std::shared_ptr<const LogSink> sink;
  {
    std::lock_guard lock(state.mutex);
    logger = state.logger;
    sink = state.sink;
  }
  if (sink != nullptr) {
    (*sink)(level, message);
  } else {
    logger->log(ToSpdlog(level), spdlog::string_view_t(message.data(), message.size()));
  }
}

}  // namespace soliton

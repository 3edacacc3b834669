// Log lines: text on a terminal, one JSON object per line otherwise, on stderr. Any thread. Pure
// cores do not log. The sink is process-wide and replaceable, so that the simulator can capture or
// silence it; it is the one piece of shared mutable state that the program allows itself.
//
//   LogInfo("listening on {}", endpoint.ToString());
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace soliton {

enum class LogLevel : int { kDebug, kInfo, kWarn, kError, kOff };

std::string_view LogLevelName(LogLevel level);
// "debug", "info", "warn", "error", "off"; nullopt for anything else.
std::optional<LogLevel> ParseLogLevel(std::string_view name);

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  // Not set: JSON unless stderr is a terminal.
  std::optional<bool> json;
  // Shown in every line, e.g. "broker-1"; may be empty.
  std::string node;
};

// Call once, early in main(); lines logged before go out as text at level info.
void InitLogging(const LogOptions& options);
void SetLogLevel(LogLevel level);

using LogSink = std::function<void(LogLevel level, std::string_view message)>;
// All lines at or above the level go to `sink` instead of stderr; an empty sink restores stderr.
void SetLogSink(LogSink sink);

bool LogEnabled(LogLevel level);
void WriteLog(LogLevel level, std::string_view message);

// One line of the JSON form, without the newline. Bytes that are not UTF-8 become U+FFFD, so that
// one bad topic name never breaks a log pipeline.
std::string JsonLogLine(int64_t wall_ms, LogLevel level, std::string_view node,
                        std::string_view message);

template <typename... Args>
void LogDebug(fmt::format_string<Args...> format, Args&&... args) {
  if (!LogEnabled(LogLevel::kDebug)) return;
  WriteLog(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void LogInfo(fmt::format_string<Args...> format, Args&&... args) {
  if (!LogEnabled(LogLevel::kInfo)) return;
  WriteLog(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void LogWarn(fmt::format_string<Args...> format, Args&&... args) {
  if (!LogEnabled(LogLevel::kWarn)) return;
  WriteLog(LogLevel::kWarn, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void LogError(fmt::format_string<Args...> format, Args&&... args) {
  if (!LogEnabled(LogLevel::kError)) return;
  WriteLog(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace soliton

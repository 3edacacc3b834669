// Where a command's text goes. stdout carries data only; narration, progress and errors go to
// stderr. A command writes through these, so tests can read what it printed. Main thread only.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace soliton::cli {

class TextSink {
 public:
  virtual ~TextSink() = default;
  // Buffered. Once a write has failed (a closed pipe, a full disk) the rest is dropped.
  virtual void Write(std::string_view text) = 0;
  virtual void Flush() = 0;
  // False once a write has failed: a long-running command should stop.
  virtual bool ok() const = 0;
  // Colour, progress and redrawing are for terminals only.
  virtual bool is_terminal() const = 0;
};

// stdout or stderr of this process. `file` outlives the sink.
class FileSink final : public TextSink {
 public:
  FileSink(std::FILE* file, bool is_terminal) : file_(file), is_terminal_(is_terminal) {}
  void Write(std::string_view text) override;
  void Flush() override;
  bool ok() const override { return ok_; }
  bool is_terminal() const override { return is_terminal_; }

 private:
  std::FILE* file_;
  bool is_terminal_;
  bool ok_ = true;
};

// Keeps the text, for tests.
class StringSink final : public TextSink {
 public:
  void Write(std::string_view text) override { text_.append(text); }
  void Flush() override {}
  bool ok() const override { return true; }
  bool is_terminal() const override { return false; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace soliton::cli

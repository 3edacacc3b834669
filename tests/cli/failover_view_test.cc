// What the live chart of a failover run leaves on a terminal.
#include "cli/failover_view.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace soliton::cli {
namespace {

// A terminal as far as the chart needs one: wraps lines, goes up, erases.
class Screen final : public TextSink {
 public:
  explicit Screen(size_t columns) : columns_(columns) {}

  void Write(std::string_view text) override {
    for (size_t i = 0; i < text.size(); ++i) {
      if (text.substr(i).starts_with("\x1b[1A")) {
        row_ -= row_ > 0 ? 1 : 0;
        i += 3;
      } else if (text.substr(i).starts_with("\x1b[2K")) {
        lines_[row_].clear();
        i += 3;
      } else if (text[i] == '\x1b') {
        i = text.find('m', i);  // a colour
      } else if (text[i] == '\n') {
        NextLine();
      } else {
        Put(text[i]);
      }
    }
  }
  void Flush() override {}
  bool ok() const override { return true; }
  bool is_terminal() const override { return true; }

  // Without the empty one below the cursor.
  std::vector<std::string> lines() const {
    std::vector<std::string> lines = lines_;
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines;
  }
  bool wrapped() const { return wrapped_; }

 private:
  void Put(char c) {
    const bool continues = (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
    if (!continues && Columns(lines_[row_]) == columns_) {
      wrapped_ = true;
      NextLine();
    }
    lines_[row_] += c;
  }
  void NextLine() {
    if (++row_ == lines_.size()) lines_.emplace_back();
  }
  static size_t Columns(const std::string& line) {
    size_t count = 0;
    for (const char c : line) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    return count;
  }

  const size_t columns_;
  std::vector<std::string> lines_ = {""};
  size_t row_ = 0;
  bool wrapped_ = false;
};

bench::FailoverProgress Progress(size_t buckets) {
  bench::FailoverProgress progress;
  progress.phase = "waiting for the last acknowledgements";
  progress.elapsed = milliseconds(100 * buckets);
  progress.acked_buckets.assign(buckets, 500);
  progress.worst_us.assign(buckets, 3000);
  progress.target_per_bucket = 500;
  progress.sent = progress.acked = static_cast<int64_t>(500 * buckets);
  return progress;
}

class FailoverViewTest : public ::testing::TestWithParam<size_t> {};

TEST_P(FailoverViewTest, TheChartIsRedrawnInItsPlaceHoweverWideTheTerminal) {
  Screen screen(GetParam());
  FailoverView view(screen, true, [] { return static_cast<int>(GetParam()); });
  for (size_t buckets = 1; buckets <= 150; ++buckets) view.OnProgress(Progress(buckets));
  EXPECT_FALSE(screen.wrapped());
  std::vector<std::string> lines = screen.lines();
  ASSERT_EQ(lines.size(), 3u) << "one chart, not what is left of many";
  EXPECT_TRUE(lines[0].starts_with("acked/s     5,000 █")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("worst ms       20 ▂")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with("run 1/1    15.0 s")) << lines[2];
  view.OnEvent(seconds(2), "SIGKILL");
  view.OnProgress(Progress(151));
  view.End();
  lines = screen.lines();
  ASSERT_EQ(lines.size(), 4u) << "events stay above it";
  EXPECT_EQ(lines[0], "  2.000 s  SIGKILL");
  EXPECT_TRUE(lines[3].starts_with("run 1/1    15.1 s")) << lines[3];
}

INSTANTIATE_TEST_SUITE_P(Columns, FailoverViewTest, ::testing::Values(20, 40, 80, 97, 98, 200));

}  // namespace
}  // namespace soliton::cli

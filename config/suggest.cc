#include "config/suggest.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::config {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// The least distance that words of these lengths have.
int LeastDistance(std::string_view a, std::string_view b) {
  return static_cast<int>(std::max(a.size(), b.size()) - std::min(a.size(), b.size()));
}

// EditDistance, or anything above `most` when it is that.
int EditDistanceWithin(std::string_view a, std::string_view b, int most) {
  // Three rows of the usual table: the row before the previous one serves swaps of neighbours.
  std::vector<int> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = static_cast<int>(j);
  int least_before = 0;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    int least = row[0];
    for (size_t j = 1; j <= b.size(); ++j) {
      const int replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
      least = std::min(least, row[j]);
    }
    // Every way to the end leads through one of two neighbouring rows.
    if (least > most && least_before > most) return most + 1;
    least_before = least;
    std::swap(before, previous);
    std::swap(previous, row);
  }
  return previous[b.size()];
}

}  // namespace

int EditDistance(std::string_view a, std::string_view b) {
  return EditDistanceWithin(a, b, static_cast<int>(std::max(a.size(), b.size())));
}

std::vector<std::string> Suggest(std::string_view word,
                                 std::span<const std::string_view> candidates, size_t limit) {
  const std::string lower = Lower(word);
  const int bound = word.size() <= 3 ? 1 : std::max<int>(2, static_cast<int>(word.size()) / 4);
  std::vector<std::pair<int, size_t>> close;  // distance, position
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (LeastDistance(word, candidates[i]) > bound) continue;
    const int distance = EditDistanceWithin(lower, Lower(candidates[i]), bound);
    if (distance <= bound) close.emplace_back(distance, i);
  }
  std::sort(close.begin(), close.end());
  std::vector<std::string> suggestions;
  for (const auto& [distance, position] : close) {
    if (suggestions.size() == limit) break;
    suggestions.emplace_back(candidates[position]);
  }
  return suggestions;
}

std::vector<std::string> Suggest(std::string_view word, const std::vector<std::string>& candidates,
                                 size_t limit) {
  return Suggest(word, std::vector<std::string_view>(candidates.begin(), candidates.end()), limit);
}

std::string DidYouMean(const std::vector<std::string>& suggestions) {
  std::string text;
  for (size_t i = 0; i < suggestions.size(); ++i) {
    if (i > 0) text += i + 1 == suggestions.size() ? " or " : ", ";
    text += fmt::format("'{}'", suggestions[i]);
  }
  return text.empty() ? text : fmt::format("did you mean {}?", text);
}

}  // namespace soliton::config

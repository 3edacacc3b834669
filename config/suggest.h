// "Did you mean ...?" for setting names, commands, flags, enum words and topic names. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soliton::config {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
int EditDistance(std::string_view a, std::string_view b);

// Up to `limit` of `candidates` close to `word`, closest first and then in the order given. Close
// means at most a quarter of its letters wrong, at least 2 (1 for words of up to three letters);
// case does not count.
std::vector<std::string> Suggest(std::string_view word,
                                 std::span<const std::string_view> candidates, size_t limit = 2);
std::vector<std::string> Suggest(std::string_view word, const std::vector<std::string>& candidates,
                                 size_t limit = 2);

// "did you mean 'a' or 'b'?"; empty when there are none.
std::string DidYouMean(const std::vector<std::string>& suggestions);

}  // namespace soliton::config

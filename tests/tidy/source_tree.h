// The repository's C++ sources as text, for tests about style and layering.
#pragma once

#include <string>
#include <vector>

namespace soliton::tidy {

struct SourceLine {
  int number = 0;
  std::string text;  // comments and string literals blanked out
  std::string raw;
};

struct SourceFile {
  std::string path;    // relative to the root: "segment/log.h"
  std::string folder;  // "segment"; "tests/sim" for what lies in tests/
  std::vector<SourceLine> lines;

  bool EndsWith(std::string_view suffix) const { return path.ends_with(suffix); }
  bool StartsWith(std::string_view prefix) const { return path.starts_with(prefix); }
};

// All .h and .cc files of the top-level source folders, sorted by path. CHECKs that they can be
// read.
std::vector<SourceFile> LoadSources();

// Replaces comments and the content of string and character literals by spaces. `in_block` carries
// an open
// /* comment from line to line.
std::string BlankOut(const std::string& line, bool& in_block);

}  // namespace soliton::tidy

// What a check of files on disk found.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soliton::segment {

struct Finding {
  enum class Kind {
    kDamaged,   // what was promised to be durable, or must follow from it, is not as it should be
    kTornTail,  // never promised: the next start cuts it
    kNote,      // the next start puts it right, nothing is lost
  };
  Kind kind = Kind::kNote;
  std::string path;
  int64_t position = -1;  // byte in the file; -1: the file as a whole
  int64_t offset = -1;    // of the log; -1: none in particular
  std::string what;
};

// "damaged", "torn-tail", "note".
std::string_view KindName(Finding::Kind kind);
// "damaged: <path> at byte 12 (offset 3): <what>".
std::string ToText(const Finding& finding);
const Finding* FirstDamage(const std::vector<Finding>& findings);

}  // namespace soliton::segment

// Reads tests/testdata/wire-vectors.jsonl.gz (described in the README there).
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "runtime/base/buffer.h"

namespace soliton::kafka {

struct WireVector {
  std::string kind;
  std::string name;
  std::string instance;
  int16_t key = 0;
  int16_t version = 0;
  boost::json::value json;
  Buffer bytes;

  std::string Title() const;
};

// Calls `use` for every line. Aborts when the file is missing or malformed.
void ForEachWireVector(const std::function<void(const WireVector&)>& use);

}  // namespace soliton::kafka

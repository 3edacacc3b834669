// Batches of a segment file as they are printed by `soliton log dump`: text, or one JSON object per
// line. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "protocol/record/record_batch.h"

namespace soliton::cli {

struct BatchPrinter {
  bool json = false;
  bool with_records = true;
  int64_t from_offset = 0;  // records below it are left out

  // Appends to `out` at most `*left` records (each batch counts as one without records), and counts
  // `*left` down. An error: the records cannot be read.
  absl::Status Print(std::string_view file, int64_t position, const kafka::RecordBatchView& batch,
                     int64_t* left, std::string& out) const;
};

}  // namespace soliton::cli

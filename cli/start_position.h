// --from: where `soliton consume` begins, and -p: which partitions. Pure.
//   start, end          the first record there is, or only new ones
//   -5m, -2h            records of the last five minutes, two hours
//   -100                the last 100 records of each partition
//   @1234               offset 1234 (in every partition chosen)
//   @2026-01-31T12:00   the first record at or after this time (UTC)
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "consumer/record_set.h"
#include "runtime/loop/clock.h"

namespace soliton::cli {

struct FromOption {
  consumer::StartPosition position;
  // Above 0: so many records before the end, instead of `position`.
  int64_t last_records = 0;
};

// `now_ms`: wall clock. kInvalidArgument says what is expected.
absl::StatusOr<FromOption> ParseFrom(std::string_view text, int64_t now_ms);

// "0,2,5-7": ascending, each once.
absl::StatusOr<std::vector<int32_t>> ParsePartitions(std::string_view text);

// "2026-01-31", "2026-01-31T12:00", "...:05", "...:05.250", each with or without a Z: UTC.
absl::StatusOr<int64_t> ParseIsoTime(std::string_view text);

}  // namespace soliton::cli

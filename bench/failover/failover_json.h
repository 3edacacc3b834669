// FailoverData as JSON: what --json writes. Pure.
//
// {"version":2,"kind":"soliton bench failover","setup":{...},"runs":[{...}]}; times are in
// microseconds from the first record, latencies are [nanoseconds, count] pairs of buckets about
// 3 % wide. Keys are stable: new ones may come, with a new version only when a reader must know.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "bench/failover/failover_data.h"

namespace soliton::bench {

inline constexpr int kFailoverJsonVersion = 2;

std::string ToJson(const FailoverData& data);
// kInvalidArgument: which field is missing or malformed, or a version that is not ours.
absl::StatusOr<FailoverData> FailoverDataFromJson(std::string_view text);

}  // namespace soliton::bench

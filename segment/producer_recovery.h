// Rebuilds the producer table of a log from its snapshots and batches: after opening and after
// truncation.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "segment/segment.h"
#include "segment/state/producer_state.h"

namespace soliton::segment {

// Starts from the newest readable snapshot in `snapshots` that lies within the log, and replays the
// batch headers behind it. Snapshots hold every remembered batch, so retries are recognised as deep
// as before. `now_ms` stands in for the time of the append, which the log does not tell.
absl::StatusOr<ProducerStateTable> RecoverProducers(FileSystem& fs, const std::string& directory,
                                                    const SegmentMap& segments,
                                                    const std::set<int64_t>& snapshots,
                                                    int64_t now_ms);

}  // namespace soliton::segment

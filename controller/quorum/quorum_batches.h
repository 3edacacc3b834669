// The batches of the quorum's log, as they lie on disk and come from a leader, and what the core
// must know of them. Pure.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/log/metadata_log.h"
#include "controller/quorum/quorum_log_view.h"
#include "controller/quorum/quorum_message.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

// The voters that a batch names, if it does. kDataLoss when they cannot be voters: nobody, or one
// node twice.
absl::StatusOr<std::optional<VoterSet>> VotersOf(const std::vector<pb::MetadataRecord>& records);
absl::StatusOr<VoterSet> VotersOf(const pb::Voters& voters);
// `endpoints`: where they are reached, by node id, as far as that is known.
pb::MetadataRecord VotersRecord(const VoterSet& voters,
                                const std::map<int32_t, Endpoint>& endpoints = {});

// Where the voters are reached, by node id; port 0: not known.
std::map<int32_t, Endpoint> EndpointsOf(const pb::Voters& voters);

absl::StatusOr<QuorumEntry> EntryOf(const LoggedBatch& batch);

// Whole batches that follow each other without a gap. kDataLoss for anything else.
absl::StatusOr<std::vector<LoggedBatch>> DecodeLoggedBatches(const Buffer& bytes);

// The entries of what came with an AppendRequest of a leader of `epoch`. kInvalidArgument when they
// are not the records that it names, or not of epochs that this leader can know of.
absl::StatusOr<std::vector<QuorumEntry>> EntriesOf(const AppendRequest& request, int32_t epoch,
                                                   const std::vector<LoggedBatch>& batches);

}  // namespace soliton::controller

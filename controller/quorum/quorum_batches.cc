#include "controller/quorum/quorum_batches.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "controller/quorum/quorum_wire.h"
#include "protocol/record/batch_iterator.h"

namespace soliton::controller {

absl::StatusOr<VoterSet> VotersOf(const pb::Voters& voters) {
  std::vector<Voter> all;
  std::set<int32_t> nodes;
  for (const pb::Voter& voter : voters.voters()) {
    all.push_back(FromPb(voter));
    nodes.insert(voter.node_id());
  }
  if (all.empty() || nodes.size() != all.size()) {
    return absl::DataLossError("a record names no voters, or one node twice");
  }
  return VoterSet(std::move(all));
}

absl::StatusOr<std::optional<VoterSet>> VotersOf(const std::vector<pb::MetadataRecord>& records) {
  std::optional<VoterSet> voters;
  for (const pb::MetadataRecord& record : records) {
    if (!record.has_voters()) continue;
    auto named = VotersOf(record.voters());
    if (!named.ok()) return named.status();
    voters = *std::move(named);
  }
  return voters;
}

pb::MetadataRecord VotersRecord(const VoterSet& voters,
                                const std::map<int32_t, Endpoint>& endpoints) {
  pb::MetadataRecord record;
  for (const Voter& voter : voters.voters()) {
    pb::Voter* out = record.mutable_voters()->add_voters();
    ToPb(voter, out);
    const auto endpoint = endpoints.find(voter.node_id);
    if (endpoint == endpoints.end()) continue;
    out->set_host(endpoint->second.host);
    out->set_port(endpoint->second.port);
  }
  return record;
}

std::map<int32_t, Endpoint> EndpointsOf(const pb::Voters& voters) {
  std::map<int32_t, Endpoint> endpoints;
  for (const pb::Voter& voter : voters.voters()) {
    endpoints[voter.node_id()] = {voter.host(), static_cast<uint16_t>(voter.port())};
  }
  return endpoints;
}

absl::StatusOr<QuorumEntry> EntryOf(const LoggedBatch& batch) {
  auto voters = VotersOf(batch.batch.records);
  if (!voters.ok()) return voters.status();
  return QuorumEntry{.base_offset = batch.batch.base_offset,
                     .end_offset = batch.batch.end_offset(),
                     .epoch = kafka::RecordBatchHeader(batch.bytes.data()).leader_epoch(),
                     .voters = *std::move(voters)};
}

absl::StatusOr<std::vector<LoggedBatch>> DecodeLoggedBatches(const Buffer& bytes) {
  const auto views = kafka::SplitBatches(bytes);
  if (!views.ok()) return views.status();
  if (views->cut_tail_bytes != 0) return absl::DataLossError("the last batch is cut");
  std::vector<LoggedBatch> batches;
  for (const kafka::RecordBatchView& view : views->batches) {
    auto decoded = DecodeMetadataBatches(view.buffer());
    if (!decoded.ok()) return decoded.status();
    LoggedBatch& batch = batches.emplace_back();
    batch = {std::move(decoded->front()), view.buffer()};
    if (batch.batch.records.empty()) return absl::DataLossError("a batch holds no record");
    if (batches.size() > 1 &&
        batches[batches.size() - 2].batch.end_offset() != batch.batch.base_offset) {
      return absl::DataLossError(
          fmt::format("a gap before the batch at offset {}", batch.batch.base_offset));
    }
  }
  return batches;
}

absl::StatusOr<std::vector<QuorumEntry>> EntriesOf(const AppendRequest& request, int32_t epoch,
                                                   const std::vector<LoggedBatch>& batches) {
  std::vector<QuorumEntry> entries;
  LogPosition at = request.after;
  for (const LoggedBatch& batch : batches) {
    auto entry = EntryOf(batch);
    if (!entry.ok()) return entry.status();
    if (entry->base_offset != at.offset || entry->epoch < at.epoch || entry->epoch > epoch) {
      return absl::InvalidArgumentError(fmt::format(
          "records from {} of epoch {} behind offset {} of epoch {}, from a leader of epoch {}",
          entry->base_offset, entry->epoch, at.offset, at.epoch, epoch));
    }
    at = {entry->epoch, entry->end_offset};
    entries.push_back(*std::move(entry));
  }
  if (at.offset == request.end_offset) return entries;
  return absl::InvalidArgumentError(
      fmt::format("records up to {}, announced up to {}", at.offset, request.end_offset));
}

}  // namespace soliton::controller

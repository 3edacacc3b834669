// Between the fetcher's plans and Fetch messages. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "consumer/batch_reader.h"
#include "consumer/fetcher_core.h"
#include "consumer/record_set.h"
#include "protocol/messages/fetch.h"
#include "protocol/record/record_batch.h"
#include "protocol/session/metadata_cache.h"

namespace soliton::consumer {

// Version 18 adds nothing for consumers.
inline constexpr int16_t kMaxFetchVersion = 17;
// The newest that names topics instead of giving their ids.
inline constexpr int16_t kMaxNamedFetchVersion = 12;

// The request for `plan`, where `names` gives each partition's name by PartitionIndex. The newest
// usable version comes with it: topic ids need every topic to have one.
struct BuiltFetch {
  kafka::FetchRequest request;
  int16_t max_version = kMaxFetchVersion;
};
BuiltFetch BuildFetch(const FetchPlan& plan, const std::vector<TopicPartition>& names,
                      const kafka::MetadataCache& metadata, const FetcherOptions& options,
                      bool read_committed);

// One partition's part of an answer.
struct FetchAnswer {
  TopicPartition from;
  FetchOutcome outcome;
  std::vector<kafka::RecordBatchView> batches;  // whole ones, in order
  std::vector<AbortedTransaction> aborted;
  // The batches do not parse; reading cannot go on past them.
  absl::Status damage;
  kafka::PartitionLeader leader_hint;  // -1: none
  std::optional<kafka::BrokerInfo> leader_info;
};
// Partitions whose topic id is unknown are left out.
std::vector<FetchAnswer> AnswersOf(const kafka::FetchResponse& response,
                                   const kafka::MetadataCache& metadata);

}  // namespace soliton::consumer

// ClusterPlan as text and back: one table of its fields for both.
#include <fmt/format.h>

#include <charconv>

#include "tests/sim/cluster_plan.h"

namespace soliton::sim {
namespace {

template <typename Plan, typename Visit>
void ForEachField(Plan& plan, const Visit& visit) {
  visit("brokers", plan.brokers);
  visit("controllers", plan.controllers);
  visit("spare.controllers", plan.spare_controllers);
  visit("combined", plan.combined);
  visit("voter.changes", plan.voter_changes);
  visit("election.timeout", plan.election_timeout);
  visit("metadata.snapshot.bytes", plan.metadata_snapshot_bytes);
  visit("shards", plan.broker_shards);
  visit("topics", plan.topics);
  visit("partitions", plan.partitions);
  visit("min.insync.replicas", plan.min_insync_replicas);
  visit("flush", plan.flush_before_ack);
  visit("heartbeat", plan.heartbeat_interval);
  visit("session", plan.session_timeout);
  visit("silence", plan.silence_timeout);
  visit("replica.lag", plan.replica_lag_time_max);
  visit("replica.fetch.wait", plan.replica_fetch_wait_max);
  visit("replica.fetch.bytes", plan.replica_fetch_max_bytes);
  visit("replica.fetch.response.bytes", plan.replica_fetch_response_max_bytes);
  visit("hw.checkpoint", plan.high_watermark_checkpoint_interval);
  visit("retention.check", plan.retention_check_interval);
  visit("retention.bytes", plan.retention_bytes);
  visit("segment.bytes", plan.segment_bytes);
  visit("index.interval.bytes", plan.index_interval_bytes);
  visit("requests.in.flight", plan.max_requests_in_flight);
  visit("queued.request.bytes", plan.memory_budget_bytes);
  visit("disk.latency", plan.disk_latency_max);
  visit("network.delay", plan.network_delay_max);
  visit("network.slow.one.in", plan.network_slow_one_in);
  visit("clients", plan.clients);
  visit("plain.clients", plan.plain_clients);
  visit("topic.churn", plan.topic_churn);
  visit("admin.storm", plan.admin_storm);
  visit("send.interval", plan.send_interval);
  visit("record.bytes", plan.record_bytes_max);
  visit("linger", plan.linger);
  visit("batch.bytes", plan.batch_bytes);
  visit("buffer.bytes", plan.buffer_bytes);
  visit("codec", plan.codec);
  visit("in.flight", plan.max_in_flight);
  visit("request.timeout", plan.request_timeout);
  visit("delivery.timeout", plan.delivery_timeout);
  visit("consumer.fetch.bytes", plan.consumer_fetch_bytes);
  visit("consumer.fetch.wait", plan.consumer_fetch_wait);
  visit("follower.reads", plan.follower_reads);
  visit("preferred.replica.lease", plan.preferred_replica_lease);
  visit("safety", plan.safety_phase);
  visit("fault.interval", plan.mean_fault_interval);
  visit("fault.duration", plan.max_fault_duration);
  visit("victim", plan.victim);
  visit("controller.victim", plan.controller_victim);
  visit("power.loss.at.end", plan.power_loss_at_end);
  for (size_t i = 0; i < kFaultCount; ++i) {
    visit(FaultName(static_cast<Fault>(i)), plan.fault_weights[i]);
  }
}

std::string Text(bool value) { return value ? "yes" : "no"; }
std::string Text(Duration value) { return fmt::format("{}us", value / microseconds(1)); }
std::string Text(kafka::Codec value) { return fmt::format("{}", static_cast<int>(value)); }
template <typename T>
std::string Text(T value) {
  return fmt::format("{}", value);
}

template <typename T>
bool FromText(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}
bool FromText(std::string_view text, bool& out) {
  out = text == "yes";
  return out || text == "no";
}
bool FromText(std::string_view text, Duration& out) {
  int64_t us = 0;
  if (!text.ends_with("us") || !FromText(text.substr(0, text.size() - 2), us)) return false;
  out = microseconds(us);
  return true;
}
bool FromText(std::string_view text, kafka::Codec& out) {
  int codec = 0;
  if (!FromText(text, codec)) return false;
  out = static_cast<kafka::Codec>(codec);
  return true;
}

}  // namespace

std::string ClusterPlan::ToString() const {
  constexpr size_t kLineLength = 100;
  std::string text;
  size_t line_begin = 0;
  ForEachField(*this, [&](std::string_view name, const auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, uint32_t>) {
      if (value == 0) return;  // a fault that never strikes
    }
    const std::string field = fmt::format("{}={}", name, Text(value));
    if (!text.empty()) {
      const bool full = text.size() - line_begin + 1 + field.size() > kLineLength;
      text += full ? '\n' : ' ';
      if (full) line_begin = text.size();
    }
    text += field;
  });
  return text;
}

absl::StatusOr<ClusterPlan> ClusterPlan::Parse(std::string_view text) {
  ClusterPlan plan;
  while (!text.empty()) {
    const size_t begin = text.find_first_not_of(" \n");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const std::string_view field = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(field.size());
    const size_t equals = field.find('=');
    bool known = false;
    if (equals != std::string_view::npos) {
      ForEachField(plan, [&](std::string_view name, auto& value) {
        if (name == field.substr(0, equals)) known = FromText(field.substr(equals + 1), value);
      });
    }
    if (!known) return absl::InvalidArgumentError(fmt::format("no part of a plan: '{}'", field));
  }
  return plan;
}

}  // namespace soliton::sim

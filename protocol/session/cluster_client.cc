#include "protocol/session/cluster_client.h"

#include <fmt/format.h>

#include <utility>

#include "runtime/base/check.h"

namespace soliton::kafka {
namespace {

// After so long without a reason to refresh, the next one is answered at once again.
constexpr Duration kQuietPeriod = seconds(3);

MetadataRequest RequestFor(const std::optional<std::set<std::string>>& topics, bool auto_create) {
  MetadataRequest request;
  request.allow_auto_topic_creation = auto_create;
  if (!topics.has_value()) {
    request.topics = std::nullopt;
    return request;
  }
  request.topics.emplace();
  for (const std::string& name : *topics) {
    MetadataRequest::MetadataRequestTopic topic;
    topic.name = name;
    request.topics->push_back(std::move(topic));
  }
  return request;
}

// What a refresh has to change before back-off starts afresh.
std::map<std::pair<std::string, int32_t>, PartitionLeader> LeadersOf(const MetadataCache& cache) {
  std::map<std::pair<std::string, int32_t>, PartitionLeader> leaders;
  for (const auto& [name, topic] : cache.topics()) {
    for (const auto& [index, partition] : topic.partitions) {
      leaders[{name, index}] = partition.leader;
    }
  }
  return leaders;
}

}  // namespace

ClusterClient::ClusterClient(Shard& shard, Transport& transport, ClusterClientOptions options)
    : shard_(shard),
      transport_(transport),
      options_(std::move(options)),
      directory_(options_.bootstrap),
      backoff_(options_.refresh_backoff_initial, options_.refresh_backoff_max) {
  CHECK(!options_.bootstrap.empty(), "a cluster client needs a bootstrap address");
}

ClusterClient::~ClusterClient() { CancelTimers(); }

void ClusterClient::CancelTimers() {
  for (TimerId* timer : {&attempt_timer_, &patience_timer_, &periodic_timer_}) {
    if (*timer != 0) shard_.CancelTimer(*timer);
    *timer = 0;
  }
}

absl::Status ClusterClient::UnknownBroker(int32_t node_id) {
  return absl::UnavailableError(fmt::format("the address of broker {} is not known", node_id));
}

ClientChannel* ClusterClient::ChannelTo(int32_t node_id) {
  const BrokerInfo* broker = cache_.FindBroker(node_id);
  return broker == nullptr ? nullptr : &ChannelAt(broker->endpoint);
}

ClientChannel& ClusterClient::ChannelAt(const Endpoint& endpoint) {
  std::unique_ptr<ClientChannel>& channel = channels_[endpoint];
  if (channel != nullptr && channel->closed()) closing_channels_.push_back(std::move(channel));
  if (channel == nullptr) {
    channel = std::make_unique<ClientChannel>(shard_, transport_, endpoint, options_.channel);
    channel->OnClosed([this, endpoint, closed = channel.get()](const absl::Status&) {
      OnChannelClosed(endpoint, closed);
    });
    channel->OnDrained([this] {
      for (const auto& listener : drained_listeners_) listener();
    });
  }
  return *channel;
}

std::set<Endpoint> ClusterClient::Connected() const {
  std::set<Endpoint> connected;
  for (const auto& [endpoint, channel] : channels_) {
    if (channel->ready()) connected.insert(endpoint);
  }
  return connected;
}

void ClusterClient::OnChannelClosed(const Endpoint& endpoint, const ClientChannel* channel) {
  directory_.NoteFailure(endpoint);
  // Its replacement may already stand in the map.
  const auto it = channels_.find(endpoint);
  if (it != channels_.end() && it->second.get() == channel) channels_.erase(it);
  std::erase_if(closing_channels_, [&](const auto& closing) { return closing.get() == channel; });
  RequestRefresh();
}

void ClusterClient::Watch(const std::string& topic) {
  if (!watched_.insert(topic).second) return;
  backoff_.Reset();
  RequestRefresh();
}

void ClusterClient::WatchAll() {
  watch_all_ = true;
  backoff_.Reset();
  RequestRefresh();
}

void ClusterClient::RequestRefresh() {
  const MonotonicTime now = shard_.clock().Now();
  if (now - last_request_ > kQuietPeriod) backoff_.Reset();
  last_request_ = now;
  if (round_open_) {
    // What is on its way may have been answered before the reason to ask arose.
    refresh_again_ = true;
    return;
  }
  if (attempt_timer_ == 0) ScheduleAttempt(backoff_.Next(shard_.random()));
}

void ClusterClient::ScheduleAttempt(Duration delay) {
  if (attempt_timer_ != 0) shard_.CancelTimer(attempt_timer_);
  attempt_timer_ = shard_.ScheduleAfter(delay, [this] {
    attempt_timer_ = 0;
    StartAttempt();
  });
}

void ClusterClient::StartAttempt() {
  if (!round_open_) {
    ++round_;
    round_open_ = true;
    questions_in_round_ = 0;
  }
  ++questions_in_round_;
  const Endpoint to = directory_.Pick(Connected());
  std::optional<std::set<std::string>> topics;
  if (!watch_all_) topics = watched_;
  ChannelAt(to).Send(RequestFor(topics, options_.allow_auto_topic_creation),
                     options_.request_timeout,
                     [this, to, topics, round = round_](absl::StatusOr<MetadataResponse> response) {
                       if (!response.ok()) return AttemptFailed(round, to, response.status());
                       OnAnswer(round, to, topics, *response);
                     });
  if (patience_timer_ != 0) shard_.CancelTimer(patience_timer_);
  patience_timer_ = shard_.ScheduleAfter(options_.refresh_patience, [this, to] {
    patience_timer_ = 0;
    OnPatienceEnded(to);
  });
}

void ClusterClient::OnPatienceEnded(const Endpoint& slow) {
  if (!round_open_) return;
  directory_.NoteFailure(slow);
  // One question per candidate is enough to have outstanding.
  if (questions_in_round_ < static_cast<int>(directory_.candidate_count())) StartAttempt();
}

void ClusterClient::OnAnswer(uint64_t round, const Endpoint& from,
                             const std::optional<std::set<std::string>>& asked_for,
                             const MetadataResponse& response) {
  if (const auto error = static_cast<ErrorCode>(response.error_code); error != ErrorCode::NONE) {
    directory_.SetBrokers({});  // REBOOTSTRAP_REQUIRED: only the bootstrap addresses are trusted
    return AttemptFailed(round, from, absl::UnavailableError(ErrorName(error)));
  }
  directory_.NoteSuccess(from);
  last_error_ = absl::OkStatus();
  const auto before = LeadersOf(cache_);
  cache_.Apply(response, asked_for);
  if (LeadersOf(cache_) != before) backoff_.Reset();
  std::set<Endpoint> brokers;
  for (const auto& [id, broker] : cache_.brokers()) brokers.insert(broker.endpoint);
  directory_.SetBrokers(std::move(brokers));
  // A late answer of an earlier round is welcome as news but settles nothing. It may bring the news
  // that a leader is gone.
  if (round == round_ && round_open_) {
    round_open_ = false;
    if (patience_timer_ != 0) shard_.CancelTimer(patience_timer_);
    patience_timer_ = 0;
  }
  if (!round_open_ && (std::exchange(refresh_again_, false) || SomethingMissing())) {
    RequestRefresh();
  }
  SchedulePeriodic();
  Notify();
}

void ClusterClient::AttemptFailed(uint64_t round, const Endpoint& from, const absl::Status& why) {
  directory_.NoteFailure(from);
  last_error_ = why;
  if (round == round_ && round_open_ && --questions_in_round_ == 0) {
    round_open_ = false;
    refresh_again_ = false;
    // While there is an address that has not failed lately, it is asked at once.
    ScheduleAttempt(directory_.has_healthy_candidate() ? Duration::zero()
                                                       : backoff_.Next(shard_.random()));
  }
  const std::weak_ptr<int> alive = alive_;
  for (size_t i = 0; i < failure_listeners_.size(); ++i) {
    failure_listeners_[i](why);
    if (alive.expired()) return;
  }
}

bool ClusterClient::SomethingMissing() const {
  for (const std::string& name : watched_) {
    const TopicState* topic = cache_.Find(name);
    if (topic == nullptr) return true;
    if (topic->error != ErrorCode::NONE && IsRetriable(topic->error)) return true;
    for (const auto& [index, partition] : topic->partitions) {
      if (partition.leader.leader_id < 0) return true;
    }
  }
  return false;
}

void ClusterClient::SchedulePeriodic() {
  if (periodic_timer_ != 0) shard_.CancelTimer(periodic_timer_);
  periodic_timer_ = shard_.ScheduleAfter(options_.metadata_max_age, [this] {
    periodic_timer_ = 0;
    RequestRefresh();
  });
}

void ClusterClient::ApplyHint(const std::string& topic, int32_t partition, PartitionLeader leader,
                              const std::optional<BrokerInfo>& broker) {
  if (broker.has_value()) cache_.UpdateBroker(*broker);
  if (cache_.FindBroker(leader.leader_id) == nullptr) return;
  if (!cache_.UpdateLeader(topic, partition, leader)) return;
  shard_.Post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) Notify();
  });
}

void ClusterClient::Notify() {
  const std::weak_ptr<int> alive = alive_;
  for (size_t i = 0; i < listeners_.size(); ++i) {
    listeners_[i]();
    if (alive.expired()) return;
  }
}

}  // namespace soliton::kafka

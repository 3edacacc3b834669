#include "controller/quorum/quorum_network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "controller/metadata/convert.h"
#include "controller/metadata_publisher.h"
#include "controller/quorum/quorum_wire.h"
#include "runtime/obs/logging.h"

namespace soliton::controller {
namespace {

// One batch may change every partition of a large cluster.
constexpr int64_t kMaxFrameBytes = 256 << 20;
// A peer that takes nothing for so long is one that is gone.
constexpr int64_t kMaxUnsentBytes = 64 << 20;
// The same refusal is logged again after so long.
constexpr Duration kRefusalRepeat = seconds(30);

// Zero for what is none.
Uuid ProcessOf(const pb::QuorumHello& hello) {
  return Uuid::Parse(hello.process_id()).value_or(Uuid());
}

VoterPast PastOf(const pb::QuorumHello& hello) {
  VoterPast past{.first_life = hello.first_life(), .life = {ProcessOf(hello), hello.life()}};
  for (const pb::QuorumHello::Process& process : hello.earlier()) {
    past.earlier.push_back(
        {Uuid::Parse(process.process_id()).value_or(Uuid()), process.first_life()});
  }
  return past;
}

}  // namespace

class QuorumNetwork::Outgoing final : public ConnectionHandler {
 public:
  Outgoing(QuorumNetwork& network, int32_t node_id, std::shared_ptr<FramedConnection> connection)
      : network_(network), node_id_(node_id), connection_(std::move(connection)) {}

  void Start() { connection_->Start(this); }
  FramedConnection& connection() { return *connection_; }
  // The only answer is a refusal, before the connection closes.
  void OnFrame(Buffer frame) override {
    pb::ServerMessage message;
    if (message.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
      network_.OnRefused(node_id_, message.response());
    }
    connection_->Close();
  }
  void OnClosed(const absl::Status&) override { network_.OnOutgoingClosed(node_id_); }

 private:
  QuorumNetwork& network_;
  const int32_t node_id_;
  std::shared_ptr<FramedConnection> connection_;
};

QuorumNetwork::QuorumNetwork(Transport& transport, Shard& shard, Options options, Events events)
    : transport_(transport),
      shard_(shard),
      options_(std::move(options)),
      events_(std::move(events)) {
  for (const auto& [node_id, endpoint] : options_.peers) Add(node_id, endpoint);
}

QuorumNetwork::~QuorumNetwork() { Stop(); }

QuorumNetwork::Peer& QuorumNetwork::Add(int32_t node_id, const Endpoint& endpoint) {
  Peer& peer = peers_[node_id];
  peer.node_id = node_id;
  peer.endpoint = endpoint;
  return peer;
}

void QuorumNetwork::SetVoters(const std::map<int32_t, Endpoint>& voters) {
  WarnIfNotAsConfigured(voters);
  voters_ = voters;
  for (auto& [node_id, peer] : peers_) {
    peer.is_voter = voters.contains(node_id);
    if (!peer.is_voter) ForgetLater(node_id);
  }
  for (const auto& [node_id, endpoint] : voters) {
    if (node_id == options_.self.node_id || endpoint.port == 0) continue;
    const auto known = peers_.find(node_id);
    if (known != peers_.end()) {
      known->second.endpoint = endpoint;
    } else {
      Dial(Add(node_id, endpoint));
    }
  }
}

void QuorumNetwork::WarnIfNotAsConfigured(const std::map<int32_t, Endpoint>& voters) {
  std::vector<int32_t> ids;
  for (const auto& [node_id, endpoint] : voters) ids.push_back(node_id);
  if (ids == warned_of_ || ids == ConfiguredVoters()) return;
  warned_of_ = ids;
  LogWarn(
      "controller.quorum.voters names nodes {}, but the voters of this cluster are {}, which "
      "counts: "
      "the setting is read for a new cluster only",
      fmt::join(ConfiguredVoters(), ","), fmt::join(ids, ","));
}

void QuorumNetwork::ForgetLater(int32_t node_id) {
  shard_.Post([this, node_id, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    const auto it = peers_.find(node_id);
    if (it == peers_.end() || it->second.is_voter) return;
    const Peer& peer = it->second;
    if (peer.outgoing != nullptr || peer.incoming != 0) return;
    shard_.CancelTimer(peer.redial);
    peers_.erase(it);
  });
}

void QuorumNetwork::Stop() {
  alive_.reset();
  for (auto& [node_id, peer] : peers_) shard_.CancelTimer(peer.redial);
  peers_.clear();
}

void QuorumNetwork::Start() {
  for (auto& [node_id, peer] : peers_) Dial(peer);
  FormIfAllAreFresh();  // one that is alone
}

// ---- dialling ----

void QuorumNetwork::Dial(Peer& peer) {
  peer.redial = 0;
  const uint64_t attempt = ++peer.attempt;
  transport_.Connect(shard_, peer.endpoint, {.max_frame_bytes = kMaxFrameBytes},
                     options_.connect_timeout,
                     [this, node_id = peer.node_id, attempt, alive = std::weak_ptr<bool>(alive_)](
                         absl::StatusOr<std::shared_ptr<FramedConnection>> connected) {
                       if (!alive.expired()) OnDialled(node_id, attempt, std::move(connected));
                     });
}

void QuorumNetwork::DialLater(Peer& peer) {
  if (!peer.is_voter && peer.incoming == 0) return ForgetLater(peer.node_id);
  if (peer.redial != 0) return;
  peer.redial =
      shard_.ScheduleAfter(peer.backoff.Next(shard_.random()), [this, &peer] { Dial(peer); });
}

void QuorumNetwork::OnDialled(int32_t node_id, uint64_t attempt,
                              absl::StatusOr<std::shared_ptr<FramedConnection>> connected) {
  const auto it = peers_.find(node_id);
  if (it == peers_.end() || attempt != it->second.attempt) return;
  Peer& peer = it->second;
  if (!connected.ok()) return DialLater(peer);
  peer.outgoing = std::make_shared<Outgoing>(*this, node_id, *std::move(connected));
  peer.outgoing->Start();
  SayHello(peer);
  Judge(peer);
}

void QuorumNetwork::SayHello(Peer& peer) {
  pb::ControlRequest request;
  pb::QuorumHello* hello = request.mutable_quorum()->mutable_hello();
  hello->set_cluster_id(options_.cluster_id);
  hello->set_fresh(events_.is_fresh());
  const VoterPast past = events_.past();
  hello->set_process_id(past.life.process.ToString());
  hello->set_first_life(past.first_life);
  hello->set_life(past.life.number);
  for (const VoterLife& process : past.earlier) {
    pb::QuorumHello::Process* earlier = hello->add_earlier();
    earlier->set_process_id(process.process.ToString());
    earlier->set_first_life(process.number);
  }
  for (const int32_t voter : ConfiguredVoters()) hello->add_configured_voters(voter);
  hello->set_host(options_.advertised.host);
  hello->set_port(options_.advertised.port);
  ToPb(options_.self, hello->mutable_from());
  peer.outgoing->connection().Send(EncodeFrame(request));
}

void QuorumNetwork::SetClusterId(const std::string& cluster_id) {
  options_.cluster_id = cluster_id;
  for (auto& [node_id, peer] : peers_) {
    if (peer.outgoing != nullptr) SayHello(peer);
  }
}

void QuorumNetwork::OnRefused(int32_t node_id, const pb::ControlResponse& response) {
  Peer& peer = peers_.at(node_id);
  const std::string& why = response.error_message();
  if (ErrorFromPb(response.error()) == kafka::ErrorCode::KAFKA_STORAGE_ERROR) {
    // It goes when the connection's callback has returned.
    shard_.Post([this, why, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) events_.on_older(absl::DataLossError(why));
    });
  }
  const MonotonicTime now = shard_.clock().Now();
  if (why == peer.refusal && now - peer.refused_at < kRefusalRepeat) return;
  peer.refusal = why;
  peer.refused_at = now;
  LogError("controller {} at {} refuses this one: {}", node_id, peer.endpoint.ToString(), why);
}

void QuorumNetwork::OnOutgoingClosed(int32_t node_id) {
  Peer& peer = peers_.at(node_id);
  // It is inside its connection's callback: it goes when that has returned.
  shard_.Post([outgoing = std::exchange(peer.outgoing, nullptr)] {});
  Lose(peer);
  DialLater(peer);
}

// ---- being dialled ----

absl::Status QuorumNetwork::Receive(ConnectionId connection, const pb::QuorumFrame& frame) {
  if (frame.has_hello()) return Greet(connection, frame.hello());
  const auto it = peers_.find(frame.from().node_id());
  if (it == peers_.end() || it->second.incoming != connection) {
    return absl::InvalidArgumentError("a voter's message on a connection that is not that voter's");
  }
  const bool commands = frame.has_vote_request() || frame.has_append_request() ||
                        frame.has_snapshot_request() || frame.has_transfer_now();
  if (commands && !MayCommand(it->second)) return absl::OkStatus();
  if (frame.has_known_voters()) {
    OnKnownVoters(frame.known_voters());
    return absl::OkStatus();
  }
  events_.on_life(FromPb(frame.from()), {it->second.process_id, frame.life()});
  return events_.on_frame(frame);
}

bool QuorumNetwork::MayCommand(const Peer& peer) const {
  if (!options_.cluster_id.empty() && peer.cluster_id == options_.cluster_id) return true;
  return events_.may_lead({peer.node_id, peer.directory_id});
}

// The log will say it again, to whoever gets it.
void QuorumNetwork::OnKnownVoters(const pb::Voters& voters) {
  for (const pb::Voter& voter : voters.voters()) {
    const Endpoint endpoint{voter.host(), static_cast<uint16_t>(voter.port())};
    if (voter.node_id() == options_.self.node_id || peers_.contains(voter.node_id())) continue;
    if (!endpoint.host.empty() && endpoint.port != 0) Dial(Add(voter.node_id(), endpoint));
  }
}

void QuorumNetwork::TellVoters(const Peer& peer) {
  if (voters_.empty() || (peer.is_voter && !peer.fresh)) return;
  pb::QuorumFrame frame;
  const Voter to{peer.node_id, peer.directory_id};
  ToPb(options_.self, frame.mutable_from());
  ToPb(to, frame.mutable_to());
  for (const auto& [node_id, endpoint] : voters_) {
    pb::Voter* voter = frame.mutable_known_voters()->add_voters();
    voter->set_node_id(node_id);
    voter->set_host(endpoint.host);
    voter->set_port(endpoint.port);
  }
  Send(to, frame);
}

absl::Status QuorumNetwork::Greet(ConnectionId connection, const pb::QuorumHello& hello) {
  const Voter from = FromPb(hello.from());
  if (from.node_id == options_.self.node_id) {
    return absl::AlreadyExistsError(fmt::format(
        "another controller has node.id {}, which is this one's: give it one of its own",
        from.node_id));
  }
  auto it = peers_.find(from.node_id);
  if (it == peers_.end()) {
    if (hello.host().empty() || hello.port() == 0 || hello.port() > 65535) {
      return absl::FailedPreconditionError(fmt::format(
          "controller {} is not known here, and does not say where it is reached: name an address "
          "of its own in its listeners or advertised.listeners",
          from.node_id));
    }
    Peer stranger;
    stranger.node_id = from.node_id;
    if (absl::Status fits = CheckHello(stranger, hello); !fits.ok()) return fits;
    Add(from.node_id, {hello.host(), static_cast<uint16_t>(hello.port())}).is_voter = false;
    it = peers_.find(from.node_id);
    it->second.redial =
        shard_.ScheduleAfter(Duration::zero(), [this, peer = &it->second] { Dial(*peer); });
  }
  if (absl::Status fits = CheckHello(it->second, hello); !fits.ok()) return fits;
  Peer& peer = it->second;
  const VoterPast past = PastOf(hello);
  if (absl::Status known = events_.check_past(from, past); !known.ok()) return known;
  peer.cluster_id = hello.cluster_id();
  if (peer.incoming == connection) return absl::OkStatus();  // it has a cluster now
  // The newest counts: the peer has given up the one before.
  if (peer.incoming != 0) Lose(peer);
  peer.incoming = connection;
  peer.directory_id = from.directory_id;
  peer.process_id = past.life.process;
  peer.fresh = hello.fresh();
  events_.on_life(from, past.life);
  // It is up: no reason to wait.
  peer.backoff.Reset();
  if (peer.outgoing == nullptr && peer.redial != 0) {
    shard_.CancelTimer(std::exchange(peer.redial, 0));
    Dial(peer);
  }
  Judge(peer);
  return absl::OkStatus();
}

absl::Status QuorumNetwork::CheckHello(const Peer& peer, const pb::QuorumHello& hello) const {
  if (!hello.cluster_id().empty() && !options_.cluster_id.empty() &&
      hello.cluster_id() != options_.cluster_id) {
    return absl::FailedPreconditionError(fmt::format(
        "controller {} is of cluster {}, controller {} of {}: start the one that is wrong "
        "with a data directory of the other's cluster, or with an empty one",
        peer.node_id, hello.cluster_id(), options_.self.node_id, options_.cluster_id));
  }
  // Two that stand for one voter could both vote. One that was just killed is gone in a moment.
  if (peer.incoming != 0 && peer.process_id != ProcessOf(hello)) {
    return absl::AlreadyExistsError(fmt::format(
        "there are two controllers with node.id {}: the one that came later is refused, "
        "give it a node.id of its own",
        peer.node_id));
  }
  // Later on only the log says who votes.
  const std::vector<int32_t> voters = ConfiguredVoters();
  if (events_.is_fresh() && hello.fresh() &&
      !std::equal(voters.begin(), voters.end(), hello.configured_voters().begin(),
                  hello.configured_voters().end())) {
    return absl::FailedPreconditionError(fmt::format(
        "controller.quorum.voters of controller {} names nodes {}, that of controller {} names {}: "
        "give all controllers of a new cluster the same list",
        peer.node_id, fmt::join(hello.configured_voters(), ","), options_.self.node_id,
        fmt::join(voters, ",")));
  }
  return absl::OkStatus();
}

std::vector<int32_t> QuorumNetwork::ConfiguredVoters() const {
  std::vector<int32_t> voters;
  if (options_.founds) voters.push_back(options_.self.node_id);
  for (const auto& [node_id, endpoint] : options_.peers) voters.push_back(node_id);
  std::sort(voters.begin(), voters.end());
  return voters;
}

void QuorumNetwork::OnClosed(ConnectionId connection) {
  for (auto& [node_id, peer] : peers_) {
    if (peer.incoming != connection) continue;
    peer.incoming = 0;
    Lose(peer);
    if (!peer.is_voter) ForgetLater(node_id);
  }
}

// ---- peers ----

void QuorumNetwork::Judge(Peer& peer) {
  if (peer.found || peer.outgoing == nullptr || peer.incoming == 0) return;
  peer.found = true;
  peer.backoff.Reset();
  TellVoters(peer);
  events_.on_found({peer.node_id, peer.directory_id});
  FormIfAllAreFresh();
}

void QuorumNetwork::FormIfAllAreFresh() {
  if (!options_.founds || !events_.is_fresh()) return;
  std::vector<Voter> voters = {options_.self};
  for (const auto& [node_id, endpoint] : options_.peers) {
    const auto it = peers_.find(node_id);
    if (it == peers_.end() || !it->second.found || !it->second.fresh) return;
    voters.push_back({node_id, it->second.directory_id});
  }
  events_.on_all_fresh(VoterSet(std::move(voters)));
}

void QuorumNetwork::Lose(Peer& peer) {
  peer.found = false;
  // Also of one that was not found: it may have been heard.
  events_.on_lost({peer.node_id, peer.directory_id});
}

bool QuorumNetwork::IsFound(int32_t node_id) const {
  const auto it = peers_.find(node_id);
  return it != peers_.end() && it->second.found;
}

std::optional<Endpoint> QuorumNetwork::EndpointOf(int32_t node_id) const {
  const auto it = peers_.find(node_id);
  return it == peers_.end() ? std::nullopt : std::optional(it->second.endpoint);
}

void QuorumNetwork::Send(const Voter& to, const pb::QuorumFrame& frame) {
  const auto it = peers_.find(to.node_id);
  if (it == peers_.end()) return;
  Peer& peer = it->second;
  if (!peer.found || peer.directory_id != to.directory_id) return;
  if (peer.outgoing->connection().unsent_bytes() > kMaxUnsentBytes) {
    return peer.outgoing->connection().Close();
  }
  pb::ControlRequest request;
  *request.mutable_quorum() = frame;
  peer.outgoing->connection().Send(EncodeFrame(request));
}

}  // namespace soliton::controller

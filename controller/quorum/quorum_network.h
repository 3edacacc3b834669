// Connections between the voters: each dials all others and speaks only on the connections that it
// dialled, so a pair that can hear each other has two. A peer is found when both stand and it has
// said who it is, and lost when either breaks. The accepted ones are somebody else's (the
// controller's server), who names them by a number.
//
// Who comes and is not known yet is dialled back: a controller that is to be added, or that has got
// a new disk and a new address. It is told who votes: whom it was started with may be gone.
//
// Who has no cluster yet may follow one, and lead only those with whom it founds it: once it has
// one, it says so to all to whom it is connected, and those of another cluster refuse it.
//
// A new cluster is formed when every configured voter is there with a new disk: only then is it
// sure that none of them has voted before, and which disks they are. Owned by one shard.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/client/reconnect_backoff.h"
#include "controller/core/core_types.h"
#include "controller/quorum/quorum_replica.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

class QuorumNetwork final : public QuorumPeers {
 public:
  struct Events {
    std::function<void(const Voter&)> on_found;
    std::function<void(const Voter&)> on_lost;  // perhaps without having been found
    // Asked before a hello: whether this one knows of no quorum.
    std::function<bool()> is_fresh;
    // Whether one that has not said that it is of this cluster may ask for votes and lead here.
    std::function<bool(const Voter&)> may_lead;
    // All configured voters are found and were fresh when they said hello, this one too.
    std::function<void(const VoterSet&)> on_all_fresh;
    // An error closes the connection that it came on. Never a hello.
    std::function<absl::Status(const pb::QuorumFrame&)> on_frame;
    // The past of this one's disk, for a hello.
    std::function<VoterPast()> past;
    // Whether a peer's disk is what it was; asked before it is found.
    std::function<absl::Status(const Voter&, const VoterPast&)> check_past;
    // Of each hello that was taken and each frame, before on_found and on_frame.
    std::function<void(const Voter&, const VoterLife&)> on_life;
    // A peer knows that this one's disk is not what it was.
    std::function<void(const absl::Status&)> on_older;
  };
  struct Options {
    Voter self;
    std::string cluster_id;             // "" accepts any, until SetClusterId
    Endpoint advertised;                // where the others reach this one
    std::map<int32_t, Endpoint> peers;  // who founds the quorum, by node id, without this one
    bool founds = true;                 // whether this one founds it with them
    Duration connect_timeout = milliseconds(500);
  };

  QuorumNetwork(Transport& transport, Shard& shard, Options options, Events events);
  ~QuorumNetwork() override;

  void Start();
  // Drops all connections, without telling anyone. For good.
  void Stop();
  // What came on an accepted connection. An error: close it.
  absl::Status Receive(ConnectionId connection, const pb::QuorumFrame& frame);
  void OnClosed(ConnectionId connection);
  // Who is to be dialled from now on, by node id; this one is passed over. Others are kept as long
  // as they are connected.
  void SetVoters(const std::map<int32_t, Endpoint>& voters);
  // The cluster is known from now on.
  void SetClusterId(const std::string& cluster_id);
  void Send(const Voter& to, const pb::QuorumFrame& frame) override;
  bool IsFound(int32_t node_id) const;
  // Where a known one is dialled.
  std::optional<Endpoint> EndpointOf(int32_t node_id) const;

 private:
  class Outgoing;
  struct Peer {
    int32_t node_id = -1;
    Endpoint endpoint;
    std::shared_ptr<Outgoing> outgoing;  // null: not connected
    ConnectionId incoming = 0;           // 0: none
    Uuid directory_id;                   // as incoming said
    Uuid process_id;                     // likewise
    std::string cluster_id;              // likewise; "": it had none
    bool fresh = false;                  // likewise
    bool found = false;
    bool is_voter = true;  // dialled again and again
    std::string refusal;   // what it last had against this one, and when that was logged
    MonotonicTime refused_at{};
    ReconnectBackoff backoff;
    TimerId redial = 0;
    uint64_t attempt = 0;
  };

  void Dial(Peer& peer);
  void SayHello(Peer& peer);
  bool MayCommand(const Peer& peer) const;
  void DialLater(Peer& peer);
  void OnDialled(int32_t node_id, uint64_t attempt,
                 absl::StatusOr<std::shared_ptr<FramedConnection>> connected);
  void OnRefused(int32_t node_id, const pb::ControlResponse& response);
  void OnOutgoingClosed(int32_t node_id);
  Peer& Add(int32_t node_id, const Endpoint& endpoint);
  void TellVoters(const Peer& peer);
  void OnKnownVoters(const pb::Voters& voters);
  void WarnIfNotAsConfigured(const std::map<int32_t, Endpoint>& voters);
  // Lets go of one that is no voter and not connected. Posted: callers still use it.
  void ForgetLater(int32_t node_id);
  absl::Status Greet(ConnectionId connection, const pb::QuorumHello& hello);
  absl::Status CheckHello(const Peer& peer, const pb::QuorumHello& hello) const;
  std::vector<int32_t> ConfiguredVoters() const;
  void Judge(Peer& peer);
  void Lose(Peer& peer);
  void FormIfAllAreFresh();

  Transport& transport_;
  Shard& shard_;
  Options options_;
  const Events events_;
  std::map<int32_t, Peer> peers_;
  std::map<int32_t, Endpoint> voters_;  // of SetVoters
  std::vector<int32_t> warned_of_;      // voters that are not as configured
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace soliton::controller

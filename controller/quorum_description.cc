#include "controller/quorum_description.h"

#include <set>

#include "controller/metadata/convert.h"

namespace soliton::controller {
namespace {

class QuorumDescriber {
 public:
  QuorumDescriber(const QuorumCore& core, const Moment& moment) : core_(core), moment_(moment) {}

  // Of a controller, as far as the leader knows.
  void AddController(const Voter& voter, pb::QuorumReplicaState* out) const {
    out->set_node_id(voter.node_id);
    ToPb(voter.directory_id, out->mutable_directory_id());
    if (voter == core_.self()) {
      out->set_log_end_offset(core_.log().end_offset());
      out->set_last_fetch_ms(moment_.wall_ms);
      out->set_last_caught_up_ms(moment_.wall_ms);
      return;
    }
    const PeerProgress* progress = core_.ProgressOf(voter);
    out->set_log_end_offset(progress == nullptr ? -1 : progress->flushed_end);
    out->set_last_fetch_ms(progress == nullptr ? -1 : WallMs(progress->answered_at));
    const bool was_caught_up = progress != nullptr && progress->caught_up_at;
    out->set_last_caught_up_ms(was_caught_up ? WallMs(*progress->caught_up_at) : -1);
  }

  void AddObserver(const BrokerProgress& broker, pb::DescribeQuorumResponse* response) const {
    pb::QuorumReplicaState* out = response->add_observers();
    out->set_node_id(broker.broker_id);
    ToPb(broker.directory_id, out->mutable_directory_id());
    out->set_log_end_offset(broker.applied_offset < 0 ? -1 : broker.applied_offset + 1);
    out->set_last_fetch_ms(WallMs(broker.last_contact));
    const bool is_caught_up = broker.applied_offset + 1 >= core_.committed_end();
    out->set_last_caught_up_ms(is_caught_up ? WallMs(broker.last_contact) : -1);
  }

 private:
  int64_t WallMs(MonotonicTime at) const {
    return moment_.wall_ms - std::chrono::duration_cast<milliseconds>(moment_.now - at).count();
  }

  const QuorumCore& core_;
  const Moment& moment_;
};

}  // namespace

pb::DescribeQuorumResponse DescribeQuorum(const QuorumCore& core,
                                          const std::map<int32_t, Endpoint>& endpoints,
                                          const std::vector<BrokerProgress>& followers,
                                          const Moment& moment) {
  pb::DescribeQuorumResponse response;
  response.set_leader_id(core.self().node_id);
  response.set_leader_epoch(core.epoch());
  response.set_high_watermark(core.committed_end());
  const QuorumDescriber describer(core, moment);
  const std::vector<Voter>& voters = core.voters().voters();
  std::set<int32_t> listed;
  for (const Voter& voter : voters) {
    describer.AddController(voter, response.add_voters());
    listed.insert(voter.node_id);
  }
  // One that has a new disk is no voter any more, and its old self still is.
  for (const Voter& learner : core.learners()) {
    if (core.voters().Contains(learner)) continue;
    describer.AddController(learner, response.add_observers());
    listed.insert(learner.node_id);
  }
  for (const int32_t node_id : listed) {
    const auto endpoint = endpoints.find(node_id);
    if (endpoint == endpoints.end()) continue;
    pb::QuorumNode* node = response.add_nodes();
    node->set_node_id(node_id);
    node->set_host(endpoint->second.host);
    node->set_port(endpoint->second.port);
  }
  for (const BrokerProgress& broker : followers) {
    if (!listed.contains(broker.broker_id)) describer.AddObserver(broker, &response);
  }
  return response;
}

}  // namespace soliton::controller

// One client process that changes who votes in the metadata quorum while everything else goes on:
// adds spare controllers, removes voters (the leader too), and replaces a voter whose disk was
// replaced: removes the old one, adds the new one. By the calls that the admin tools use
// (AddRaftVoter, RemoveRaftVoter), of any broker; what it goes by is what is in the quorum's
// description.
//
// It takes no voter away while another one is gone for good, nor below as many as founded the
// cluster: what is left has to survive the next lost disk. Once the workload is calm it only adds,
// and takes away what is gone.
//
// Lives on its node; destroyed by a crash, and then begun anew by the next process.
#pragma once

#include <memory>
#include <optional>

#include "controller/quorum/voter_set.h"
#include "protocol/session/client_channel.h"
#include "tests/sim/sim_node.h"

namespace soliton::sim {

class Workload;

class OperatorProcess {
 public:
  OperatorProcess(Workload& workload, SimNode& node);

 private:
  struct Change {
    bool add = false;
    controller::Voter voter;
    Endpoint endpoint;  // of who is added
  };

  void Act();
  // By who votes as the leader knows it.
  std::optional<Change> Choose(const controller::VoterSet& voters);
  void Ask(const Change& change);
  template <typename Request>
  void Send(Request request);
  void Again();

  Workload& workload_;
  const Ports ports_;
  Shard& shard_;
  std::unique_ptr<kafka::ClientChannel> channel_;
};

}  // namespace soliton::sim

// Some voters with logs and vote files on simulated disks, over a simulated network, and what tests
// do to them.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "controller/quorum/vote_file.h"
#include "runtime/obs/logging.h"
#include "tests/controller/quorum/voter_process.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_world.h"

namespace soliton::controller {

class Voters {
 public:
  Voters(uint64_t seed, int count, QuorumOptions quorum = {}, int64_t snapshot_interval_bytes = 0)
      : world_(seed), network_(world_, {}) {
    SetLogLevel(LogLevel::kOff);
    for (int id = 1; id <= count; ++id) {
      VoterProcess::Options options{.self = Id(id),
                                    .history = &history_,
                                    .quorum = quorum,
                                    .snapshot_interval_bytes = snapshot_interval_bytes};
      for (int other = 1; other <= count; ++other) {
        if (other != id) options.peers[other] = {fmt::format("voter-{}", other), 9093};
      }
      nodes_.push_back(
          std::make_unique<sim::SimNode>(world_, network_, fmt::format("voter-{}", id)));
      options_.push_back(std::make_unique<VoterProcess::Options>(options));
      nodes_.back()->SetBoot([own = options_.back().get()](sim::SimNode& node) {
        return std::make_shared<VoterProcess>(node, *own);
      });
    }
  }

  // Appends so many batches, one after the other.
  bool GoFarOn(int batches) {
    for (int i = 0; i < batches; ++i) {
      const int64_t before = history_.end_offset();
      if (Leader() == 0 && !AwaitLeader(seconds(3))) return false;
      Append(Leader());
      if (!world_.RunUntil([&] { return history_.end_offset() > before; }, seconds(2)))
        return false;
    }
    return true;
  }
  int64_t LogStart(int id) { return process(id)->replica().core().log().start().offset; }
  // Changes the voters by one; false when that was not committed in a few seconds.
  bool ChangeVoters(const std::function<std::vector<Voter>(std::vector<Voter>)>& change) {
    if (Leader() == 0 && !AwaitLeader(seconds(3))) return false;
    const int leader = Leader();
    const VoterSet next(change(process(leader)->replica().core().voters().voters()));
    absl::Status appended;
    node(leader).Post(
        [own = process(leader), next, &appended] { appended = own->AppendVoters(next).status(); });
    return world_.RunUntil(
               [&] {
                 return Leader() != 0 &&
                        process(Leader())->replica().core().log().committed_voters() == next;
               },
               seconds(3)) &&
           appended.ok();
  }
  // It must be down.
  void ReplaceDisk(int id) {
    VoterProcess::Options& options = *options_[static_cast<size_t>(id - 1)];
    options.self.directory_id.high += 1;
    CHECK(node(id).files().RemoveTree("meta").ok());
  }
  static Voter Id(int id) { return {id, Uuid{7, static_cast<uint64_t>(id)}}; }
  void Start() {
    for (const auto& node : nodes_) node->Restart();
  }
  int size() const { return static_cast<int>(nodes_.size()); }
  sim::SimNode& node(int id) { return *nodes_[static_cast<size_t>(id - 1)]; }
  VoterProcess* process(int id) { return node(id).app<VoterProcess>(); }
  sim::SimWorld& world() { return world_; }
  sim::SimNetwork& network() { return network_; }
  const CommittedHistory& history() const { return history_; }

  // Of the largest epoch; 0: none.
  int Leader() {
    int found = 0;
    for (int id = 1; id <= size(); ++id) {
      if (process(id) == nullptr || node(id).paused() || !process(id)->leading()) continue;
      if (found == 0 ||
          process(id)->replica().core().epoch() > process(found)->replica().core().epoch()) {
        found = id;
      }
    }
    return found;
  }
  bool AwaitLeader(Duration budget) {
    return world_.RunUntil([this] { return Leader() != 0; }, budget);
  }
  void Append(int id) {
    node(id).Post([process = process(id)] { process->Append(); });
  }
  // A new batch is committed, and all that run have heard of everything.
  bool GoOn(Duration budget) {
    const MonotonicTime deadline = world_.Now() + budget;
    while (world_.Now() < deadline) {
      if (Leader() != 0) Append(Leader());
      const int64_t before = history_.end_offset();
      const bool done = world_.RunUntil(
          [&] {
            if (history_.end_offset() <= before) return false;
            for (int id = 1; id <= size(); ++id) {
              if (process(id) == nullptr || process(id)->told_end() != history_.end_offset()) {
                return false;
              }
            }
            return true;
          },
          milliseconds(500));
      if (done) return true;
    }
    return false;
  }
  // "" as long as nobody complains.
  std::string Complaint() {
    for (int id = 1; id <= size(); ++id) {
      if (process(id) == nullptr) continue;
      if (!process(id)->complaint().empty()) return process(id)->complaint();
      if (!process(id)->failure().ok()) {
        return fmt::format("voter {} gave up: {}", id, process(id)->failure().ToString());
      }
    }
    return world_.failure().ok() ? "" : world_.failure().ToString();
  }

 private:
  sim::SimWorld world_;
  sim::SimNetwork network_;
  CommittedHistory history_;
  std::vector<std::unique_ptr<VoterProcess::Options>> options_;
  std::vector<std::unique_ptr<sim::SimNode>> nodes_;
};

}  // namespace soliton::controller

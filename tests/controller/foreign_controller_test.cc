// A controller with an empty directory that founds a cluster of its own, at an address where
// another cluster's controllers look for one of theirs.
#include "tests/controller/controller_quorum_fixture.h"

namespace soliton::controller {
namespace {

class ForeignControllerTest : public ControllerQuorumTest {
 protected:
  absl::Status FatalOf(int id) {
    auto* process = controller(id).app<ControllerProcess>();
    return process == nullptr ? absl::OkStatus() : process->fatal();
  }
};

TEST_F(ForeignControllerTest, StopsNobody) {
  Start();
  const int foreign = Leader() % kVoters + 1;
  ControllerOptions& options = controller_options_[static_cast<size_t>(foreign - 1)];
  options.voters = {{options.node_id, options.advertised}};
  for (int round = 0; round < 40; ++round) {
    controller(foreign).Crash();
    controller(foreign).files().Wipe();
    controller(foreign).Restart();
    world_.RunFor(milliseconds(500));
    for (int id = 1; id <= kVoters; ++id) {
      ASSERT_TRUE(FatalOf(id).ok())
          << "round " << round << ", controller " << id << ": " << FatalOf(id);
    }
    ASSERT_NE(node(foreign), nullptr);
    EXPECT_TRUE(node(foreign)->leading()) << "of a cluster of its own, in round " << round;
  }
  ASSERT_TRUE(CreateAtLast(1, "t", seconds(10)));
  EXPECT_NE(node(foreign)->cluster_id(), node(foreign % kVoters + 1)->cluster_id());
}

}  // namespace
}  // namespace soliton::controller

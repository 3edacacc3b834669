#include "controller/client/controller_chooser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace soliton::controller {
namespace {

using ::testing::ElementsAre;

const Endpoint kA{"a", 1}, kB{"b", 1}, kC{"c", 1}, kD{"d", 1};
constexpr MonotonicTime kNow{seconds(5)};

TEST(ControllerChooser, OneAfterTheOtherUnlessOneIsNamed) {
  ControllerChooser chooser({kA, kB});
  EXPECT_EQ(chooser.Next(kNow), kA);
  EXPECT_EQ(chooser.Next(kNow), kB);
  chooser.Hint(kD);
  EXPECT_EQ(chooser.Next(kNow), kD);
  EXPECT_EQ(chooser.Next(kNow), kA) << "a hint is for once";
}

TEST(ControllerChooser, TheLostOneIsLeftOutForAWhile) {
  ControllerChooser chooser({kA, kB});
  chooser.Avoid(kB, kNow + seconds(1));
  EXPECT_EQ(chooser.Next(kNow), kA);
  EXPECT_EQ(chooser.Next(kNow), kA);
  chooser.Hint(kB);
  EXPECT_EQ(chooser.Next(kNow), kA) << "also when it is named";
  EXPECT_EQ(chooser.Next(kNow + seconds(1)), kB);
  ControllerChooser alone({kA});
  alone.Avoid(kA, kNow + seconds(1));
  EXPECT_EQ(alone.Next(kNow), kA) << "there is nobody else";
}

TEST(ControllerChooser, HintsAreNotFollowedForEver) {
  ControllerChooser chooser({kA});
  int followed = 0;
  for (int i = 0; i < 10; ++i) {
    chooser.Hint(kB);
    followed += chooser.TrustsHint() ? 1 : 0;
  }
  EXPECT_EQ(followed, 3);
  chooser.Found();
  EXPECT_TRUE(chooser.TrustsHint());
}

TEST(ControllerChooser, WhoVotesIsKnownFromTheMetadata) {
  ControllerChooser chooser({kB, kA});
  chooser.SetVoters({{1, kA}, {2, kB}, {3, kC}});
  EXPECT_THAT(chooser.known(), ElementsAre(kB, kA, kC)) << "the configured order stays";
  chooser.SetVoters({{1, kA}, {3, kC}, {4, kD}});
  EXPECT_THAT(chooser.known(), ElementsAre(kA, kC, kD, kB)) << "who left is asked last";
  chooser.SetVoters({{1, {"", 0}}});
  EXPECT_THAT(chooser.known(), ElementsAre(kB, kA)) << "where it is reached is not known";
}

}  // namespace
}  // namespace soliton::controller

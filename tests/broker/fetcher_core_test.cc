#include "broker/replication/fetcher_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace soliton::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const TopicPartition kA{{1, 1}, 0}, kB{{1, 1}, 1};
MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }

TEST(FetcherCore, OneFetchIsParkedAtATime) {
  FetcherCore core;
  EXPECT_THAT(core.StartFetch(At(0)), IsEmpty());
  core.Add(kA);
  core.Add(kB);
  EXPECT_THAT(core.StartFetch(At(0)), UnorderedElementsAre(kA, kB));
  EXPECT_THAT(core.StartFetch(At(0)), IsEmpty());
  core.OnFetchDone();
  EXPECT_THAT(core.StartFetch(At(0)), UnorderedElementsAre(kA, kB));
}

TEST(FetcherCore, NewPartitionGoesOutWithASecondFetch) {
  FetcherCore core;
  core.Add(kA);
  EXPECT_THAT(core.StartFetch(At(0)), ElementsAre(kA));
  core.Add(kB);
  EXPECT_THAT(core.StartFetch(At(0)), UnorderedElementsAre(kA, kB));
  core.Add(TopicPartition{{1, 1}, 2});
  EXPECT_THAT(core.StartFetch(At(0)), IsEmpty()) << "never more than two";
  core.OnFetchDone();
  EXPECT_EQ(core.StartFetch(At(0)).size(), 3u);
}

TEST(FetcherCore, DelayedPartitionIsLeftOutUntilItsTime) {
  FetcherCore core;
  core.Add(kA);
  core.Add(kB);
  core.StartFetch(At(0));
  core.OnFetchDone();
  core.Delay(kB, At(20));
  EXPECT_EQ(core.NextRetry(), At(20));
  EXPECT_THAT(core.StartFetch(At(5)), ElementsAre(kA));
  EXPECT_THAT(core.StartFetch(At(19)), IsEmpty());
  EXPECT_THAT(core.StartFetch(At(20)), UnorderedElementsAre(kA, kB)) << "releases the parked one";
  EXPECT_EQ(core.NextRetry(), std::nullopt);
}

TEST(FetcherCore, ReportsWhatWasFlushedWhileAFetchIsParked) {
  FetcherCore core;
  core.Add(kA);
  core.OnFlushed(kA);
  EXPECT_THAT(core.StartReport(), IsEmpty()) << "the next fetch says it";
  core.StartFetch(At(0));
  EXPECT_THAT(core.StartReport(), IsEmpty()) << "the fetch said it";
  core.OnFlushed(kA);
  core.OnFlushed(kB);  // not followed here
  EXPECT_THAT(core.StartReport(), ElementsAre(kA));
  EXPECT_THAT(core.StartReport(), IsEmpty());
}

TEST(FetcherCore, RemovedPartitionIsForgotten) {
  FetcherCore core;
  core.Add(kA);
  core.Add(kB);
  core.StartFetch(At(0));
  core.OnFlushed(kA);
  core.Remove(kA);
  core.Delay(kA, At(5));
  core.OnFetchDone();
  EXPECT_THAT(core.StartReport(), IsEmpty());
  EXPECT_THAT(core.StartFetch(At(10)), ElementsAre(kB));
  core.Remove(kB);
  EXPECT_TRUE(core.empty());
}

TEST(FetcherCore, DisconnectStartsOver) {
  FetcherCore core;
  core.Add(kA);
  core.StartFetch(At(0));
  core.OnDisconnected();
  EXPECT_THAT(core.StartFetch(At(1)), ElementsAre(kA));
}

// A leader fills its answer from the front up to a limit: whoever is last must come first some
// time.
TEST(FetcherCore, FetchesBeginWithEachPartitionInTurn) {
  FetcherCore core;
  const TopicPartition c{{1, 1}, 2};
  for (const TopicPartition& id : {kA, kB, c}) core.Add(id);
  EXPECT_THAT(core.StartFetch(At(0)), ElementsAre(kA, kB, c));
  core.OnFetchDone();
  EXPECT_THAT(core.StartFetch(At(0)), ElementsAre(kB, c, kA));
  core.OnFetchDone();
  EXPECT_THAT(core.StartFetch(At(0)), ElementsAre(c, kA, kB));
  core.OnFetchDone();
  core.Remove(c);
  EXPECT_THAT(core.StartFetch(At(0)), ElementsAre(kA, kB));
}

// Answers of reports wait behind the parked fetch. Flushes of many partitions, one by one, must not
// have to wait for its end.
TEST(FetcherCore, TooManyReportsMakeAFetchThatReleasesTheParkedOne) {
  FetcherCore core;
  core.Add(kA);
  ASSERT_EQ(core.StartFetch(At(0)).size(), 1u);
  int reports = 0;
  for (;; ++reports) {
    core.OnFlushed(kA);
    if (core.StartReport().empty()) break;
    ASSERT_THAT(core.StartFetch(At(0)), IsEmpty());
    ASSERT_LT(reports, 1000);
  }
  EXPECT_THAT(core.StartFetch(At(0)), ElementsAre(kA));
  EXPECT_THAT(core.StartReport(), IsEmpty()) << "the fetch says it";
  EXPECT_THAT(core.StartFetch(At(0)), IsEmpty());
}

TEST(FetcherCore, FewPartitionsAreNotPacedAndManyAre) {
  EXPECT_LE(PaceOf(10), std::chrono::microseconds(1));
  EXPECT_LE(PaceOf(100), std::chrono::microseconds(100));
  EXPECT_EQ(PaceOf(1000), milliseconds(10));
  EXPECT_EQ(PaceOf(100'000), milliseconds(100)) << "no longer than that";
}

}  // namespace
}  // namespace soliton::broker

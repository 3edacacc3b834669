#include "broker/replication/fetcher_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace soliton::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const TopicPartition kA{{1, 1}, 0}, kB{{1, 1}, 1};
MonotonicTime At(int64_t ms) { return MonotonicTime(milliseconds(ms)); }

TEST(FetcherCore, OneFetchIsParkedAtATime) {
  FetcherCore core;
  EXPECT_THAT(core.StartFetch(At(0)), IsEmpty());
  core.Add(kA);
  core.Add(kB);
  EXPECT_THAT(core.StartFetch(At(0)), ElementsAre(kA, kB));
  EXPECT_THAT(core.StartFetch(At(0)), IsEmpty());
  core.OnFetchDone();
  EXPECT_THAT(core.StartFetch(At(0)), ElementsAre(kA, kB));
}

TEST(FetcherCore, NewPartitionGoesOutWithASecondFetch) {
  FetcherCore core;
  core.Add(kA);
  EXPECT_THAT(core.StartFetch(At(0)), ElementsAre(kA));
  core.Add(kB);
  EXPECT_THAT(core.StartFetch(At(0)), ElementsAre(kA, kB));
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
  EXPECT_THAT(core.StartFetch(At(20)), ElementsAre(kA, kB)) << "releases the parked one";
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

}  // namespace
}  // namespace soliton::broker

// A load through proxies in the simulated world: what passes, what is held back by a cut, and that
// nothing is lost by it.
#include "bench/failover/failover_series.h"
#include "bench/failover/link_proxy.h"
#include "tests/broker/broker_cluster.h"

namespace soliton::bench {
namespace {

TEST(ProxyRouteTest, IsANodeAndTwoAddresses) {
  const auto route = ParseProxyRoute("2=127.0.0.1:39092=[::1]:19092");
  ASSERT_TRUE(route.ok()) << route.status();
  EXPECT_EQ(route->node, 2);
  EXPECT_EQ(route->listen.port, 39092);
  EXPECT_EQ(route->target.host, "::1");
  for (const char* bad : {"", "1", "1=a:1", "x=a:1=b:2", "-1=a:1=b:2", "1=a=b", "1=a:1=b:x"}) {
    EXPECT_FALSE(ParseProxyRoute(bad).ok()) << bad;
  }
}

class LinkProxySimTest : public broker::BrokerClusterTest {
 protected:
  // Runs on the client's machine and returns when it has.
  void OnClient(std::function<void()> work) {
    bool done = false;
    client_.Post([&] {
      work();
      done = true;
    });
    ASSERT_TRUE(world_.RunUntil([&] { return done; }, seconds(1)));
  }
};

TEST_F(LinkProxySimTest, ACutHoldsBackAndHealingLetsItGoOn) {
  Start();
  std::unique_ptr<LinkProxy> proxy;
  std::unique_ptr<broker::RawClient> through;
  OnClient([&] {
    auto opened = LinkProxy::Open(client_.ports(), {{1, {"client", 9000}, {"broker-1", 9092}}});
    ASSERT_TRUE(opened.ok()) << opened.status();
    proxy = *std::move(opened);
    through = std::make_unique<broker::RawClient>(
        client_.ports().shards->shard(0), *client_.ports().transport, Endpoint{"client", 9000});
  });
  ASSERT_TRUE(world_.RunUntil([&] { return through->connection != nullptr; }, seconds(5)));
  kafka::MetadataRequest request;
  request.topics.emplace();
  SendRequest(*through, 12, 1, request);
  EXPECT_TRUE(NextFrame(*through).ok());

  OnClient([&] {
    EXPECT_TRUE(proxy->Cut(1).ok());
    EXPECT_TRUE(absl::IsNotFound(proxy->Cut(2)));
  });
  SendRequest(*through, 12, 2, request);
  EXPECT_TRUE(absl::IsDeadlineExceeded(NextFrame(*through, seconds(20)).status()));
  EXPECT_FALSE(through->closed);
  OnClient([&] { EXPECT_TRUE(proxy->Heal(1).ok()); });
  EXPECT_TRUE(NextFrame(*through).ok());

  // The node goes: so does the connection.
  node(1).Crash({.lose_unsynced = false});
  EXPECT_TRUE(world_.RunUntil([&] { return through->closed; }, seconds(5)));
  OnClient([&] {
    through = nullptr;
    proxy = nullptr;
  });
}

}  // namespace
}  // namespace soliton::bench

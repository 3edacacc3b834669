#include "broker/server/peer_broker.h"

#include <gtest/gtest.h>

#include <limits>

#include "protocol/messages/api_versions.h"
#include "protocol/messages/fetch.h"
#include "protocol/wire/message_frame.h"

namespace soliton::broker {
namespace {

template <typename Request>
std::optional<PeerBroker> FromRequestOf(const std::string& client_id, int16_t version,
                                        size_t most = 48) {
  const Buffer whole = *kafka::EncodeRequest({.api_key = Request::kApiKey,
                                              .api_version = version,
                                              .correlation_id = 5,
                                              .client_id = client_id,
                                              .unknown_tagged_fields = {}},
                                             Request())
                            .Flatten();
  return PeerBroker::FromRequest(whole.span().first(std::min(most, whole.size())));
}

TEST(PeerBroker, IsReadFromTheHeadOfItsRequests) {
  const PeerBroker longest{std::numeric_limits<int32_t>::max(),
                           std::numeric_limits<int64_t>::max()};
  for (const PeerBroker& peer : {PeerBroker{2, 17}, PeerBroker{0, 0}, longest}) {
    EXPECT_EQ(FromRequestOf<kafka::FetchRequest>(peer.ToClientId(), 17), peer);
    EXPECT_EQ(FromRequestOf<kafka::ApiVersionsRequest>(peer.ToClientId(), 4), peer);
    EXPECT_EQ(FromRequestOf<kafka::ApiVersionsRequest>(peer.ToClientId(), 0), peer);
  }
}

TEST(PeerBroker, OtherNamesAreNobodys) {
  for (const char* name : {"", "rdkafka", "replica-", "replica-2", "replica-2-", "replica--17",
                           "replica-2-17x", "replica-x-17", "replica-2--1", "replica-+2-17",
                           "replica-2-99999999999999999999", "replica-99999999999-1"}) {
    EXPECT_EQ(FromRequestOf<kafka::FetchRequest>(name, 17), std::nullopt) << name;
  }
  for (size_t most = 0; most < 22; ++most) {
    EXPECT_EQ(FromRequestOf<kafka::FetchRequest>("replica-2-17", 17, most), std::nullopt)
        << "cut after " << most;
  }
  EXPECT_TRUE(FromRequestOf<kafka::FetchRequest>("replica-2-17", 17, 22).has_value());
}

TEST(PeerBroker, IsABrokerInItsPresentRegistrationOnly) {
  controller::MetadataImage image;
  image.brokers[2].broker_id = 2;
  image.brokers[2].broker_epoch = 17;
  EXPECT_TRUE((PeerBroker{2, 17}.IsRegisteredIn(image)));
  EXPECT_FALSE((PeerBroker{2, 16}.IsRegisteredIn(image)));
  EXPECT_FALSE((PeerBroker{2, 18}.IsRegisteredIn(image)));
  EXPECT_FALSE((PeerBroker{3, 17}.IsRegisteredIn(image)));
}

}  // namespace
}  // namespace soliton::broker

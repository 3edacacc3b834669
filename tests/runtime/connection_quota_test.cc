#include "runtime/net/connection_quota.h"

#include <gtest/gtest.h>

#include "runtime/net/foreign_protocol.h"
#include "runtime/obs/log_throttle.h"

namespace soliton {
namespace {

using Verdict = ConnectionQuota::Verdict;

TEST(ConnectionQuotaTest, CountsAllAndByAddress) {
  ConnectionQuota quota(3, 2);
  EXPECT_EQ(quota.Admit("a"), Verdict::kAdmitted);
  EXPECT_EQ(quota.Admit("a"), Verdict::kAdmitted);
  EXPECT_EQ(quota.Admit("a"), Verdict::kTooManyOfAddress);
  EXPECT_EQ(quota.Admit("b"), Verdict::kAdmitted);
  EXPECT_EQ(quota.Admit("c"), Verdict::kTooMany);
  quota.Release("a");
  EXPECT_EQ(quota.Admit("a"), Verdict::kAdmitted);
  for (const char* gone : {"a", "a", "b", "stranger"}) quota.Release(gone);
  EXPECT_EQ(quota.count(), 0);
  EXPECT_EQ(quota.addresses(), 0u) << "nothing is kept of those that are gone";
}

TEST(ConnectionQuotaTest, NoneAtAll) {
  ConnectionQuota quota(10, 0);
  EXPECT_EQ(quota.Admit("a"), Verdict::kTooManyOfAddress);
  EXPECT_EQ(quota.addresses(), 0u);
}

TEST(LogThrottleTest, LeavesOutAndCounts) {
  LogThrottle throttle(2, seconds(10));
  MonotonicTime now{};
  EXPECT_EQ(throttle.Admit(now), 0);
  EXPECT_EQ(throttle.Admit(now), 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(throttle.Admit(now + seconds(9)), std::nullopt);
  EXPECT_EQ(throttle.Admit(now + seconds(10)), 5);
  EXPECT_EQ(throttle.Admit(now + seconds(10)), 0);
  EXPECT_EQ(throttle.Admit(now + seconds(10)), std::nullopt);
}

std::string_view Guess(std::string_view bytes) {
  return ForeignProtocol({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

TEST(ForeignProtocolTest, Openings) {
  EXPECT_EQ(Guess("\x16\x03\x01\x02"), "TLS");
  EXPECT_EQ(Guess(std::string_view("\x15\x03\x03\x00", 4)), "TLS");
  EXPECT_EQ(Guess("GET / HTTP/1.1"), "HTTP");
  EXPECT_EQ(Guess("POST"), "HTTP");
  EXPECT_EQ(Guess("PRI * HTTP/2.0"), "HTTP/2");
  EXPECT_EQ(Guess("SSH-2.0-"), "SSH");
  EXPECT_EQ(Guess("PROXY TCP4 "), "the PROXY protocol");
  EXPECT_EQ(Guess("GE"), "") << "too short to tell";
  EXPECT_EQ(Guess(std::string_view("\0\0\0\x20", 4)), "");
  EXPECT_EQ(Guess("\x16\x02\x01\x02"), "");
}

}  // namespace
}  // namespace soliton

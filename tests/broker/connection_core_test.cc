#include "broker/server/connection_core.h"

#include <gtest/gtest.h>

#include "runtime/base/random.h"

namespace soliton::broker {
namespace {

constexpr auto kSmall = MemoryBudget::Class::kSmall;

BufferChain Frame(std::string_view text) { return BufferChain(Buffer::CopyOf(text)); }

// Fills the slot; what may be sent then, as text.
std::string Fill(ConnectionCore& core, uint64_t slot, std::optional<BufferChain> response) {
  std::string text;
  core.Fill(slot, std::move(response),
            [&text](BufferChain frame) { text += std::string(frame.Flatten()->view()); });
  return text;
}

TEST(ConnectionCore, ResponsesLeaveInRequestOrder) {
  ConnectionCore core({});
  const uint64_t a = core.OpenSlot(kSmall, 100), b = core.OpenSlot(kSmall, 100),
                 c = core.OpenSlot(kSmall, 100);
  EXPECT_EQ(Fill(core, c, Frame("c")), "");
  EXPECT_EQ(Fill(core, a, Frame("a")), "a");
  EXPECT_EQ(Fill(core, b, std::nullopt), "c") << "acks=0 sends nothing and holds nobody up";
  EXPECT_EQ(core.in_flight(), 0u);
}

TEST(ConnectionCore, StopsReadingAtTheLimits) {
  ConnectionCore core({.max_requests_in_flight = 2, .max_unsent_bytes = 10});
  EXPECT_TRUE(core.MayRead(0));
  EXPECT_FALSE(core.MayRead(10));
  const uint64_t a = core.OpenSlot(kSmall, 100);
  const uint64_t b = core.OpenSlot(kSmall, 100);
  EXPECT_FALSE(core.MayRead(0));
  Fill(core, b, Frame("0123456"));
  EXPECT_FALSE(core.MayRead(0)) << "a held response still takes its slot";
  Fill(core, a, std::nullopt);
  EXPECT_TRUE(core.MayRead(9));
}

TEST(ConnectionCore, AFollowersParkedFetchHidesNothingBehindIt) {
  ConnectionCore core({.max_requests_in_flight = 1});
  core.OpenSlot(MemoryBudget::Class::kReplica, 100);
  EXPECT_TRUE(core.MayRead(0)) << "the next request may say what was flushed";
  for (int i = 0; i < 100 && core.MayRead(0); ++i) {
    core.OpenSlot(MemoryBudget::Class::kReplica, 100);
  }
  EXPECT_FALSE(core.MayRead(0)) << "not without end";
  ConnectionCore other({.max_requests_in_flight = 1});
  other.OpenSlot(kSmall, 100);
  EXPECT_FALSE(other.MayRead(0));
}

TEST(ConnectionCore, StopsReadingWhenItsRequestsHoldItsShare) {
  ConnectionCore core({.max_request_bytes = 1000});
  const uint64_t a = core.OpenSlot(MemoryBudget::Class::kBulk, 900);
  EXPECT_TRUE(core.MayRead(0));
  const uint64_t b = core.OpenSlot(kSmall, 100);
  EXPECT_FALSE(core.MayRead(0));
  EXPECT_EQ(core.ClassOf(a), MemoryBudget::Class::kBulk);
  Fill(core, b, Frame("b"));
  EXPECT_EQ(core.request_bytes(kSmall), 0) << "an answered request holds no memory";
  EXPECT_EQ(core.request_bytes(), 900);
  EXPECT_TRUE(core.MayRead(0));
}

TEST(ConnectionCore, HeldResponsesCountAsUnsent) {
  ConnectionCore core({.max_requests_in_flight = 10, .max_unsent_bytes = 10});
  core.OpenSlot(kSmall, 100);
  const uint64_t b = core.OpenSlot(kSmall, 100);
  Fill(core, b, Frame("01234567"));
  EXPECT_TRUE(core.MayRead(1));
  EXPECT_FALSE(core.MayRead(2));
}

TEST(ConnectionCore, AnyCompletionOrderGivesRequestOrder) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    ConnectionCore core({});
    std::vector<std::pair<uint64_t, std::string>> open;
    std::string expected, sent;
    for (int i = 0; i < 100; ++i) {
      if (open.empty() || (open.size() < 20 && random.Chance(1, 2))) {
        const std::string name = fmt::format("{},", i);
        open.emplace_back(core.OpenSlot(kSmall, 100), name);
        expected += name;
      } else {
        const size_t pick = random.Below(open.size());
        sent += Fill(core, open[pick].first, Frame(open[pick].second));
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(pick));
      }
    }
    while (!open.empty()) {
      sent += Fill(core, open.back().first, Frame(open.back().second));
      open.pop_back();
    }
    EXPECT_EQ(sent, expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace soliton::broker

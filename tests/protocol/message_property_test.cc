// Properties that hold for every message in every version.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "protocol/wire/api.h"
#include "tests/protocol/message_registry.h"

namespace soliton::kafka {
namespace {

// Seeds differ by message and version, so that a failure is replayed by running its test alone.
void ForEachVersion(const std::function<void(const MessageType&, int16_t, Random&)>& check) {
  for (const MessageType& type : AllMessageTypes()) {
    for (int16_t version = type.min_version; version <= type.max_version; ++version) {
      SCOPED_TRACE(std::string(type.name) + " v" + std::to_string(version));
      Random random(static_cast<uint64_t>(type.key * 1000 + version));
      check(type, version, random);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(MessageProperty, EveryKeyHasARequestAndAResponse) {
  const auto& types = AllMessageTypes();
  EXPECT_EQ(std::count_if(types.begin(), types.end(),
                          [](const MessageType& type) {
                            return type.name.ends_with("Request") ||
                                   type.name.ends_with("Response");
                          }),
            2 * AllApis().size());
  for (const ApiInfo& api : AllApis()) {
    const MessageType* request = FindMessageType(std::string(api.name) + "Request");
    const MessageType* response = FindMessageType(std::string(api.name) + "Response");
    ASSERT_TRUE(request != nullptr && response != nullptr) << api.name;
    EXPECT_EQ(request->key, api.key);
    EXPECT_EQ(request->max_version, api.max_version);
    EXPECT_EQ(response->min_version, api.min_version);
  }
}

TEST(MessageProperty, DecodeOfEncodeIsTheSame) {
  ForEachVersion([](const MessageType& type, int16_t version, Random& random) {
    for (int i = 0; i < 20; ++i) {
      const MessageType::Pointer message = type.random(random, version);
      const Buffer bytes = message->Bytes(version);
      ASSERT_EQ(message->EncodedSize(version), bytes.size());
      Decoder in(bytes);
      const auto decoded = type.decode(in, version);
      ASSERT_TRUE(decoded.ok()) << decoded.status() << "\n" << message->ToString();
      ASSERT_EQ(in.remaining(), 0u);
      ASSERT_TRUE((*decoded)->Equals(*message)) << message->ToString() << "\n"
                                                << (*decoded)->ToString();
      ASSERT_EQ((*decoded)->Bytes(version), bytes);
    }
  });
}

TEST(MessageProperty, EveryTruncationIsAnError) {
  ForEachVersion([](const MessageType& type, int16_t version, Random& random) {
    const Buffer bytes = type.random(random, version)->Bytes(version);
    for (size_t length = 0; length < bytes.size(); ++length) {
      // A copy of its own, so that a sanitizer sees a read behind the end.
      Decoder in(Buffer::CopyOf(bytes.span().first(length)));
      ASSERT_FALSE(type.decode(in, version).ok()) << length << " of " << bytes.size();
    }
  });
}

TEST(MessageProperty, DamagedBytesFailOrMakeSense) {
  ForEachVersion([](const MessageType& type, int16_t version, Random& random) {
    const Buffer bytes = type.random(random, version)->Bytes(version);
    if (bytes.empty()) return;
    for (int i = 0; i < 50; ++i) {
      Buffer damaged = Buffer::CopyOf(bytes.span());
      for (uint64_t flips = 1 + random.Below(3); flips > 0; --flips) {
        damaged.mutable_data()[random.Below(damaged.size())] ^=
            static_cast<uint8_t>(1 + random.Below(255));
      }
      Decoder in(damaged);
      const auto first = type.decode(in, version);
      if (!first.ok()) continue;
      // What was accepted has one meaning: it encodes to bytes that decode to the same.
      const Buffer once = (*first)->Bytes(version);
      Decoder again(once);
      const auto second = type.decode(again, version);
      ASSERT_TRUE(second.ok()) << second.status();
      ASSERT_EQ((*second)->Bytes(version), once);
    }
  });
}

// Counts and lengths that claim the largest values at every position must fail, and fail before
// anything is allocated for them (a sanitizer or the memory limit would tell).
TEST(MessageProperty, HugeClaimsFailOrMakeSense) {
  ForEachVersion([](const MessageType& type, int16_t version, Random& random) {
    const Buffer bytes = type.random(random, version)->Bytes(version);
    const std::string claims[] = {std::string("\x7f\xff\xff\xff", 4),
                                  std::string("\xff\xff\xff\xff\x0f", 5),
                                  std::string("\x7f\xff", 2), std::string("\x80\x00\x00\x00", 4)};
    for (size_t at = 0; at < bytes.size(); at += 1 + random.Below(4)) {
      for (const std::string& claim : claims) {
        std::string damaged(bytes.view());
        damaged.replace(at, std::min(claim.size(), damaged.size() - at), claim);
        Decoder in(Buffer::CopyOf(damaged));
        (void)type.decode(in, version);
      }
    }
  });
}

TEST(MessageProperty, VersionsOutsideTheRangeAreRefused) {
  for (const MessageType& type : AllMessageTypes()) {
    Decoder below(Buffer::CopyOf(std::string_view("abcdefgh")));
    EXPECT_FALSE(type.decode(below, static_cast<int16_t>(type.min_version - 1)).ok()) << type.name;
    Decoder above(Buffer::CopyOf(std::string_view("abcdefgh")));
    EXPECT_FALSE(type.decode(above, static_cast<int16_t>(type.max_version + 1)).ok()) << type.name;
  }
}

}  // namespace
}  // namespace soliton::kafka

#include "protocol/wire/decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"
#include "protocol/wire/encoder.h"

namespace soliton::kafka {
namespace {

Buffer Bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return Buffer::CopyOf(text);
}

TEST(Decoder, FixedWidthIsBigEndian) {
  Decoder in(Bytes({0x01, 0xFF, 0xFE, 0x80, 0, 0, 0, 0x12, 0x34}));
  EXPECT_TRUE(in.Bool());
  EXPECT_EQ(in.Int16(), -2);
  EXPECT_EQ(in.Int32(), INT32_MIN);
  EXPECT_EQ(in.Uint16(), 0x1234);
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(Decoder, TheFirstFailureSticks) {
  Decoder in(Bytes({0, 1, 2}));
  EXPECT_EQ(in.Int16(), 1);
  EXPECT_EQ(in.Int32(), 0);
  const absl::Status first = in.status();
  EXPECT_EQ(first.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(in.Int8(), 0) << "the byte that is left must not be handed out";
  EXPECT_EQ(in.String(true), "");
  in.Fail("later");
  EXPECT_EQ(in.status(), first);
}

TEST(Decoder, Varints) {
  const auto decode = [](std::initializer_list<int> bytes) {
    Decoder in(Bytes(bytes));
    const uint32_t value = in.UnsignedVarint();
    return in.ok() ? static_cast<int64_t>(value) : -1;
  };
  EXPECT_EQ(decode({0x00}), 0);
  EXPECT_EQ(decode({0x7F}), 127);
  EXPECT_EQ(decode({0x80, 0x01}), 128);
  EXPECT_EQ(decode({0xFF, 0xFF, 0xFF, 0xFF, 0x0F}), 0xFFFFFFFF);
  EXPECT_EQ(decode({0xFF, 0xFF, 0xFF, 0xFF, 0x1F}), -1) << "33 bits";
  EXPECT_EQ(decode({0x80, 0x80, 0x80, 0x80, 0x80, 0x01}), -1) << "six bytes";
  EXPECT_EQ(decode({0x80}), -1);
  EXPECT_EQ(decode({}), -1);
}

TEST(Decoder, StringsAndNulls) {
  {
    Decoder in(Bytes({0, 2, 'h', 'i', 3, 'h', 'i', 0xFF, 0xFF, 0}));
    EXPECT_EQ(in.String(false), "hi");
    EXPECT_EQ(in.String(true), "hi");
    EXPECT_EQ(in.NullableString(false, true), std::nullopt);
    EXPECT_EQ(in.NullableString(true, true), std::nullopt);
    EXPECT_TRUE(in.ok());
  }
  const auto fails = [](std::initializer_list<int> bytes, bool flexible, bool allow_null) {
    Decoder in(Bytes(bytes));
    in.NullableString(flexible, allow_null);
    return !in.ok();
  };
  EXPECT_TRUE(fails({0xFF, 0xFF}, false, false)) << "null where none is allowed";
  EXPECT_TRUE(fails({0}, true, false));
  EXPECT_TRUE(fails({0xFF, 0xFE}, false, true)) << "length -2";
  EXPECT_TRUE(fails({0, 3, 'a', 'b'}, false, true));
  EXPECT_TRUE(fails({4, 'a', 'b'}, true, true));
  EXPECT_TRUE(fails({0xFF, 0xFF, 0xFF, 0xFF, 0x0F}, true, true));
}

TEST(Decoder, BytesAndRecordsAreSlicesOfTheFrame) {
  const Buffer frame = Bytes({0, 0, 0, 2, 7, 8, 4, 1, 2, 3, 0});
  Decoder in(frame);
  const Buffer bytes = in.Bytes(false);
  EXPECT_EQ(bytes.data(), frame.data() + 4);
  const Records records = in.RecordsField(true, true);
  EXPECT_EQ(records.buffer().data(), frame.data() + 7);
  EXPECT_EQ(records.size_bytes(), 3);
  EXPECT_TRUE(in.RecordsField(true, true).is_null());
  EXPECT_TRUE(in.ok());
}

TEST(Decoder, ACountThatCannotFitFailsBeforeItsElementsAreRead) {
  std::vector<int32_t> values;
  const auto read = [&](Decoder& in, bool flexible) {
    in.Array(values, flexible, 4, [&](int32_t& value) { value = in.Int32(); });
    return in.ok();
  };
  Decoder fits(Bytes({0, 0, 0, 1, 0, 0, 0, 9}));
  EXPECT_TRUE(read(fits, false));
  EXPECT_EQ(values, std::vector<int32_t>{9});
  std::vector<int32_t>().swap(values);
  Decoder one_too_many(Bytes({0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0}));
  EXPECT_FALSE(read(one_too_many, false));
  Decoder largest(Bytes({0x7F, 0xFF, 0xFF, 0xFF}));
  EXPECT_FALSE(read(largest, false));
  Decoder negative(Bytes({0xFF, 0xFF, 0xFF, 0xFE}));
  EXPECT_FALSE(read(negative, false));
  Decoder compact(Bytes({0xFF, 0xFF, 0xFF, 0xFF, 0x0F}));
  EXPECT_FALSE(read(compact, true));
  EXPECT_EQ(values.capacity(), 0u) << "memory was taken for elements that are not there";
}

// A topic list that claims as many topics as bytes follow: each topic takes at least 6 bytes in
// version 1.
TEST(Decoder, AMessageChecksCountsAgainstTheSmallestElement) {
  Encoder out;
  out.Int32(100);
  for (int i = 0; i < 100; ++i) out.Int8(0);
  Decoder in(out.Finish().Flatten().value());
  const auto request = MetadataRequest::Decode(in, 1);
  ASSERT_FALSE(request.ok());
  EXPECT_NE(request.status().message().find("array of 100 elements"), absl::string_view::npos)
      << request.status();
}

// Decodes a FetchPartition of version 12 whose tag block is `tags`.
absl::StatusOr<FetchRequest::FetchPartition> DecodeTags(std::initializer_list<int> tags) {
  Encoder out;
  FetchRequest::FetchPartition().Write(out, 12);
  Buffer without = out.Finish().Flatten().value();
  std::string bytes(without.view());
  bytes.pop_back();  // the empty tag block
  bytes += Bytes(tags).view();
  Decoder in(Buffer::CopyOf(bytes));
  FetchRequest::FetchPartition partition;
  partition.DecodeFrom(in, 12);
  if (in.ok() && in.remaining() != 0) in.Fail("bytes left");
  if (!in.ok()) return in.status();
  return partition;
}

TEST(DecoderTags, KnownAndUnknown) {
  // 10000 is 0x90 0x4E as a varint.
  const auto partition = DecodeTags({2, 7, 2, 'x', 'y', 0x90, 0x4E, 8, 0, 0, 0, 0, 0, 0, 0, 42});
  ASSERT_TRUE(partition.ok()) << partition.status();
  EXPECT_EQ(partition->flushed_offset, 42);
  ASSERT_EQ(partition->unknown_tagged_fields.size(), 1u);
  EXPECT_EQ(partition->unknown_tagged_fields[0].tag, 7u);
  EXPECT_EQ(partition->unknown_tagged_fields[0].data.view(), "xy");
}

// Tag 0 (replica_directory_id) exists from version 17 on only: in version 12 it is any tag.
TEST(DecoderTags, ATagOfALaterVersionIsUnknown) {
  const auto partition = DecodeTags({1, 0, 1, 'z'});
  ASSERT_TRUE(partition.ok()) << partition.status();
  ASSERT_EQ(partition->unknown_tagged_fields.size(), 1u);
  EXPECT_EQ(partition->unknown_tagged_fields[0].data.view(), "z");
}

TEST(DecoderTags, ReadersPutThemInOrder) {
  const auto partition = DecodeTags({3, 9, 1, 'c', 3, 1, 'a', 5, 1, 'b'});
  ASSERT_TRUE(partition.ok()) << partition.status();
  std::string order;
  for (const UnknownTaggedField& field : partition->unknown_tagged_fields)
    order += field.data.view();
  EXPECT_EQ(order, "abc");
}

TEST(DecoderTags, Malformed) {
  const auto error = [](std::initializer_list<int> tags) {
    return std::string(DecodeTags(tags).status().message());
  };
  using testing::HasSubstr;
  EXPECT_THAT(error({2, 7, 0, 7, 0}), HasSubstr("tagged field 7 twice"));
  EXPECT_THAT(error({1, 7, 2, 'x'}), HasSubstr("2 bytes expected, 1 left"));
  EXPECT_THAT(error({1, 0x90, 0x4E, 7, 0, 0, 0, 0, 0, 0, 0}),
              HasSubstr("8 bytes expected, 7 left"));
  EXPECT_THAT(error({1, 0x90, 0x4E, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
              HasSubstr("tagged field 10000 has 1 bytes too many"));
  EXPECT_THAT(error({0xFF, 0xFF, 0xFF, 0xFF, 0x0F}),
              HasSubstr("4294967295 tagged fields, 0 bytes"));
  EXPECT_THAT(error({2, 7, 2, 'x', 'y'}), HasSubstr("1 bytes expected, 0 left"))
      << "fewer than announced";
}

}  // namespace
}  // namespace soliton::kafka

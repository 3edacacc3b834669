#include "protocol/wire/encoder.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>

#include "protocol/messages/fetch.h"
#include "protocol/messages/produce.h"
#include "protocol/wire/decoder.h"
#include "protocol/wire/message_frame.h"
#include "runtime/file/file_system.h"

namespace soliton::kafka {
namespace {

TEST(Encoder, GrowsWithoutLosingBytes) {
  Encoder out(1);
  for (int32_t i = 0; i < 1000; ++i) out.Int32(i);
  Decoder in(out.Finish().Flatten().value());
  for (int32_t i = 0; i < 1000; ++i) ASSERT_EQ(in.Int32(), i);
  EXPECT_EQ(in.remaining(), 0u);
  EXPECT_TRUE(out.Finish().empty());
}

TEST(Encoder, AStringBeyond16BitsIsCutAtACharacter) {
  // 32767 falls into the middle of a two-byte character.
  std::string text;
  while (text.size() < 40000) text += "é";
  Encoder out;
  out.String(text, /*flexible=*/false);
  out.Int8(1);
  Decoder in(out.Finish().Flatten().value());
  EXPECT_EQ(in.String(false), text.substr(0, 32766));
  EXPECT_EQ(in.Int8(), 1);

  Encoder compact;
  compact.String(text, /*flexible=*/true);
  Decoder whole(compact.Finish().Flatten().value());
  EXPECT_EQ(whole.String(true), text);
}

FetchResponse ResponseWith(Records records) {
  FetchResponse response;
  FetchResponse::PartitionData& partition =
      response.responses.emplace_back().partitions.emplace_back();
  response.responses.front().topic = "t";
  partition.high_watermark = 77;
  partition.records = std::move(records);
  return response;
}

TEST(Encoder, LargeRecordsAreNotCopied) {
  Buffer batch = Buffer::Allocate(5000);
  std::memset(batch.mutable_data(), 'r', batch.size());
  const FetchResponse response = ResponseWith(Records(batch));
  for (const int16_t version : {int16_t{4}, int16_t{12}}) {
    const BufferChain frame = EncodeResponse(9, version, response);
    int in_place = 0;
    for (const BufferChain::Piece& piece : frame.pieces()) {
      const Buffer* buffer = std::get_if<Buffer>(&piece);
      ASSERT_NE(buffer, nullptr);
      if (buffer->data() == batch.data() && buffer->size() == batch.size()) ++in_place;
    }
    EXPECT_EQ(in_place, 1);
    auto decoded = DecodeResponse<FetchResponse>(frame.Flatten().value(), version, 9);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, response);
  }
}

// Bytes at position p are p mod 251, without an end.
class PatternFile : public File {
 public:
  absl::Status Append(std::span<const Buffer>) override {
    return absl::UnimplementedError("read-only");
  }
  absl::StatusOr<size_t> ReadAt(int64_t position, std::span<uint8_t> out) const override {
    for (uint8_t& byte : out) byte = static_cast<uint8_t>(position++ % 251);
    return out.size();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status Truncate(int64_t) override { return absl::UnimplementedError("read-only"); }
  int64_t size_bytes() const override { return INT64_MAX; }
  int native_handle() const override { return -1; }
  const std::string& path() const override { return path_; }

 private:
  std::string path_ = "pattern";
};

TEST(Encoder, FileRegionsStandBetweenMemory) {
  const auto file = std::make_shared<PatternFile>();
  BufferChain content;
  content.Append(FileRegion{.file = file, .position = 4096, .length = 70000});
  content.Append(FileRegion{.file = file, .position = 0, .length = 10});
  const FetchResponse response = ResponseWith(Records(content));
  const BufferChain frame = EncodeResponse(1, 12, response);
  // correlation id and tags of header version 1, then the body.
  EXPECT_EQ(frame.size_bytes(), static_cast<int64_t>(5 + response.EncodedSize(12)));
  const std::vector<BufferChain::Piece> pieces = frame.pieces();
  ASSERT_EQ(pieces.size(), 4u);
  EXPECT_TRUE(std::holds_alternative<Buffer>(pieces[0]));
  EXPECT_EQ(std::get<FileRegion>(pieces[1]).position, 4096);
  EXPECT_EQ(std::get<FileRegion>(pieces[2]).length, 10);
  EXPECT_TRUE(std::holds_alternative<Buffer>(pieces[3]));
  // The length before the records counts the regions: 70010 + 1 as a varint ends the first piece.
  const Buffer& before = std::get<Buffer>(pieces[0]);
  ASSERT_GE(before.size(), 3u);
  Decoder length(before.Slice(before.size() - 3));
  EXPECT_EQ(length.UnsignedVarint(), 70011u);

  const auto decoded = DecodeResponse<FetchResponse>(frame.Flatten().value(), 12, 1);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  const Buffer records = decoded->responses[0].partitions[0].records.buffer();
  EXPECT_EQ(records, content.Flatten().value());
}

TEST(Encoder, SmallRecordsAreCopiedSoThatTheFrameIsOnePiece) {
  const FetchResponse response =
      ResponseWith(Records(Buffer::CopyOf(std::string(kCopyRecordsBelowBytes - 1, 's'))));
  EXPECT_EQ(EncodeResponse(1, 12, response).pieces().size(), 1u);
}

TEST(Encoder, NullWhereTheVersionHasNoneIsEmpty) {
  FetchResponse response = ResponseWith(Records());
  response.responses[0].partitions[0].aborted_transactions.reset();
  Encoder out;
  response.Encode(out, 12);
  Decoder in(out.Finish().Flatten().value());
  const auto decoded = FetchResponse::Decode(in, 12);
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(decoded->responses[0].partitions[0].records.is_null()) << "null is allowed here";

  ProduceResponse produce;
  produce.responses.emplace_back().name = "t";
  produce.responses[0].partition_responses.emplace_back().error_message = "lost before version 8";
  Encoder old;
  produce.Encode(old, 7);
  Decoder old_in(old.Finish().Flatten().value());
  const auto old_decoded = ProduceResponse::Decode(old_in, 7);
  ASSERT_TRUE(old_decoded.ok());
  EXPECT_EQ(old_decoded->responses[0].partition_responses[0].error_message, std::nullopt);
}

TEST(RecordsField, ComparesBytesNotPieces) {
  BufferChain cut;
  cut.Append(Buffer::CopyOf(std::string_view("ab")));
  cut.Append(Buffer::CopyOf(std::string_view("c")));
  EXPECT_EQ(Records(cut), Records(Buffer::CopyOf(std::string_view("abc"))));
  EXPECT_FALSE(Records(cut) == Records(Buffer::CopyOf(std::string_view("abd"))));
  EXPECT_FALSE(Records() == Records::Empty());
}

}  // namespace
}  // namespace soliton::kafka

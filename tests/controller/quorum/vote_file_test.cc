#include "controller/quorum/vote_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/sim/sim_file_system.h"

namespace soliton::controller {
namespace {

VoteFile Vote(int32_t epoch) {
  const auto number = static_cast<uint64_t>(epoch);
  return {.vote = {epoch, Voter{3, Uuid{1, number}}},
          .life = epoch * 3L,
          .processes = {{Uuid{5, 1}, 1}, {Uuid{5, number}, epoch * 2L}},
          .is_older_copy = epoch % 2 == 0,
          .peers = {{Uuid{2, 2}, {Uuid{3, number}, 17}}, {Uuid{2, 9}, {Uuid{4, number}, 1}}}};
}

TEST(VoteFileTest, ReadsWhatItWrote) {
  const VoteFile nobody{.vote = {7, std::nullopt}, .life = 2};
  for (const VoteFile& vote : {VoteFile{}, nobody, Vote(2147483647)}) {
    const auto read = DecodeVote(EncodeVote(vote));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, vote);
  }
}

TEST(VoteFileTest, EveryFlippedBitAndEveryCutIsNoticed) {
  const std::string text = EncodeVote(Vote(12));
  for (size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(DecodeVote(text.substr(0, i)).ok()) << i;
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = text;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      EXPECT_FALSE(DecodeVote(damaged).ok()) << i << " bit " << bit;
    }
  }
  EXPECT_FALSE(DecodeVote(text + "x").ok());
}

// Power loss at each operation of the disk: the old vote or the new one, and after the write
// returned only the new one.
TEST(VoteFileTest, APowerLossLeavesTheOldVoteOrTheNewOne) {
  for (uint64_t crash_at = 1;; ++crash_at) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      sim::SimFileSystem files(seed);
      ASSERT_TRUE(files.CreateDirectories("/data").ok() && files.SyncDirectory("/").ok());
      ASSERT_TRUE(WriteVote(files, "/data/quorum-vote", Vote(1)).ok());
      const uint64_t prepared = files.operation_count();
      files.SetCrashAtOperation(prepared + crash_at);
      const bool written = WriteVote(files, "/data/quorum-vote", Vote(2)).ok();
      files.CrashAndRecover(sim::CrashModel::kRandom);
      const auto read = ReadVote(files, "/data/quorum-vote");
      ASSERT_TRUE(read.ok()) << read.status() << " crash at " << crash_at << " seed " << seed;
      if (written) {
        EXPECT_EQ(*read, Vote(2));
        EXPECT_GT(crash_at, 3u);
        if (seed == 19) return;
      } else {
        EXPECT_TRUE(*read == Vote(1) || *read == Vote(2));
      }
    }
  }
}

}  // namespace
}  // namespace soliton::controller

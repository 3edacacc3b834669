// What a voter has promised, in a file that is replaced atomically: the epoch, and whom it voted
// for in it; and its lives, and the others' (VoterLives). Who forgets it could vote twice in one
// epoch (S29): the file is made before the first vote, and a log without one is refused. Text,
// "key=value" lines, the last of which is a CRC-32C over those before.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/quorum/quorum_core.h"
#include "controller/quorum/voter_lives.h"
#include "runtime/file/file_system.h"

namespace soliton::controller {

inline constexpr std::string_view kVoteFileName = "quorum-vote";
// Beside the folder of log and vote: there was a vote file.
inline constexpr std::string_view kVoterMarkName = "quorum-voter";

struct VoteFile {
  VoteState vote;
  int64_t life = 0;
  // Of this disk, with the number that each began with, ascending; the newest is the last.
  std::vector<VoterLife> processes = {};
  bool is_older_copy = false;  // others said so
  VoterLives::Known peers = {};
  friend bool operator==(const VoteFile&, const VoteFile&) = default;
};

std::string EncodeVote(const VoteFile& vote);
// kDataLoss for anything that EncodeVote does not write.
absl::StatusOr<VoteFile> DecodeVote(std::string_view text);

// kNotFound when there is none; kDataLoss, with the path, when it is damaged.
absl::StatusOr<VoteFile> ReadVote(const FileSystem& files, const std::string& path);
// Durable when it returns. Blocks.
absl::Status WriteVote(FileSystem& files, const std::string& path, const VoteFile& vote);

}  // namespace soliton::controller

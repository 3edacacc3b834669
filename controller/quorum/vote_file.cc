#include "controller/quorum/vote_file.h"

#include <fmt/format.h>

#include <limits>

#include "runtime/base/crc32c.h"
#include "segment/checkpoint_file.h"

namespace soliton::controller {
namespace {

constexpr std::string_view kPeerPrefix = "peer.";

std::string Checksum(std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  return fmt::format("crc32c={:08x}\n", Crc32c({bytes, text.size()}));
}

bool ReadInt32(const std::map<std::string, std::string>& values, const std::string& key,
               int32_t least, int32_t* out) {
  const auto it = values.find(key);
  int64_t number = 0;
  if (it == values.end() || !segment::ParseNumber(it->second, &number) || number < least ||
      number > std::numeric_limits<int32_t>::max()) {
    return false;
  }
  *out = static_cast<int32_t>(number);
  return true;
}

absl::Status ReadProcesses(std::string_view text, VoteFile* file) {
  const std::vector<std::string_view> fields = segment::SplitFields(text);
  for (size_t i = 0; i < fields.size(); i += 2) {
    const auto process = Uuid::Parse(fields[i]);
    VoterLife began;
    if (!process || i + 1 == fields.size() || !segment::ParseNumber(fields[i + 1], &began.number)) {
      return absl::DataLossError("bad line 'processes'");
    }
    began.process = *process;
    file->processes.push_back(began);
  }
  return absl::OkStatus();
}

// A file without is of a voter that did not count them.
absl::Status ReadLives(const std::map<std::string, std::string>& values, VoteFile* file) {
  const auto own = values.find("life");
  if (own == values.end()) return absl::OkStatus();
  if (!segment::ParseNumber(own->second, &file->life) || file->life < 0) {
    return absl::DataLossError("its life is no number");
  }
  file->is_older_copy = values.contains("older.copy");
  if (const auto processes = values.find("processes"); processes != values.end()) {
    if (absl::Status read = ReadProcesses(processes->second, file); !read.ok()) return read;
  }
  for (auto it = values.lower_bound(std::string(kPeerPrefix));
       it != values.end() && it->first.starts_with(kPeerPrefix); ++it) {
    const std::vector<std::string_view> fields = segment::SplitFields(it->second);
    const auto directory_id = Uuid::Parse(it->first.substr(kPeerPrefix.size()));
    const auto process = fields.size() == 2 ? Uuid::Parse(fields[0]) : std::nullopt;
    VoterLife life;
    if (!directory_id || !process || !segment::ParseNumber(fields[1], &life.number)) {
      return absl::DataLossError(fmt::format("bad line '{}'", it->first));
    }
    life.process = *process;
    file->peers[*directory_id] = life;
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeVote(const VoteFile& file) {
  const VoteState& vote = file.vote;
  std::string text = fmt::format("version=1\nepoch={}\nlife={}\n", vote.epoch, file.life);
  if (vote.voted_for) {
    text += fmt::format("voted.for.node={}\nvoted.for.directory={}\n", vote.voted_for->node_id,
                        vote.voted_for->directory_id.ToString());
  }
  if (file.is_older_copy) text += "older.copy=yes\n";
  if (!file.processes.empty()) {
    text += "processes=";
    for (const VoterLife& began : file.processes) {
      text += fmt::format("{}{} {}", &began == file.processes.data() ? "" : " ",
                          began.process.ToString(), began.number);
    }
    text += '\n';
  }
  for (const auto& [directory_id, life] : file.peers) {
    text += fmt::format("{}{}={} {}\n", kPeerPrefix, directory_id.ToString(),
                        life.process.ToString(), life.number);
  }
  return text + Checksum(text);
}

absl::StatusOr<VoteFile> DecodeVote(std::string_view text) {
  const size_t last_line = text.rfind("crc32c=");
  if (last_line == std::string_view::npos ||
      text.substr(last_line) != Checksum(text.substr(0, last_line))) {
    return absl::DataLossError("the checksum does not match");
  }
  const auto values = segment::ParseProperties(text.substr(0, last_line));
  if (!values.ok()) return values.status();
  VoteFile file;
  VoteState& vote = file.vote;
  int32_t version = 0;
  if (!ReadInt32(*values, "version", 1, &version) || version != 1) {
    return absl::DataLossError("the version is not 1: written by a newer release?");
  }
  if (!ReadInt32(*values, "epoch", 0, &vote.epoch)) return absl::DataLossError("no epoch");
  if (absl::Status read = ReadLives(*values, &file); !read.ok()) return read;
  if (!values->contains("voted.for.node")) return file;
  Voter voter;
  const auto directory = values->find("voted.for.directory");
  const auto id = directory == values->end() ? std::nullopt : Uuid::Parse(directory->second);
  if (!ReadInt32(*values, "voted.for.node", 0, &voter.node_id) || !id) {
    return absl::DataLossError("the vote names nobody");
  }
  voter.directory_id = *id;
  vote.voted_for = voter;
  return file;
}

absl::StatusOr<VoteFile> ReadVote(const FileSystem& files, const std::string& path) {
  if (!files.Exists(path)) return absl::NotFoundError(fmt::format("{} is missing", path));
  const auto text = ReadFile(files, path);
  if (!text.ok()) return text.status();
  auto vote = DecodeVote(*text);
  if (vote.ok()) return vote;
  return absl::DataLossError(fmt::format(
      "{} is damaged ({}): this voter may have forgotten whom it voted for. Remove its data "
      "directory and let it join as a new one",
      path, std::string(vote.status().message())));
}

absl::Status WriteVote(FileSystem& files, const std::string& path, const VoteFile& vote) {
  return WriteFileAtomically(files, path, EncodeVote(vote));
}

}  // namespace soliton::controller

// What one controller says to another, as a voter gets it: frames and the records in them. Whatever
// is no voter's message is refused; the rest may make this voter stop (the log contradicts its
// peers), and nothing else goes wrong.
//
// Input: a byte for the role, then for each step a byte (what happens) and perhaps a frame with its
// length in front.
#include <cstdint>
#include <string>
#include <vector>

#include "controller/metadata/control.pb.h"
#include "controller/quorum/quorum_batches.h"
#include "controller/quorum/quorum_core.h"
#include "controller/quorum/quorum_wire.h"
#include "runtime/base/check.h"
#include "tests/fuzz/input_reader.h"
#include "tests/fuzz/repaired_batches.h"

namespace soliton::controller {
namespace {

Voter Id(int32_t node) { return {node, Uuid{1, static_cast<uint64_t>(node)}}; }

class OneVoter {
 public:
  OneVoter()
      : core_(
            {}, Id(1), {}, QuorumLogView({-1, 0}, VoterSet({Id(1), Id(2), Id(3)})),
            [this](int64_t offset) {
              const int64_t end = core_.log().end_offset();
              for (const QuorumEntry& entry : log_) {
                if (entry.base_offset >= offset) return entry.end_offset;
              }
              return end;
            },
            random_, MonotonicTime()) {}

  // Stands for election, and node 2 is for it.
  void BecomeLeader() {
    Tick(seconds(10));
    Hear({.from = Id(2), .to = Id(1), .epoch = 1, .body = VoteAnswer{true, true}}, {});
    Hear({.from = Id(2), .to = Id(1), .epoch = 1, .body = VoteAnswer{false, true}}, {});
    CHECK(core_.is_leader());
    Append();
  }
  void Append() {
    if (!core_.is_leader() || core_.transferring()) return;
    const int64_t end = core_.log().end_offset();
    log_.push_back({.base_offset = end, .end_offset = end + 1, .epoch = core_.epoch()});
    Perform(core_.Appended(log_.back()));
  }
  void Tick(Duration by) {
    now_ += by;
    if (!stopped_) Perform(core_.Tick(now_));
  }
  void Flush() {
    if (!stopped_) Perform(core_.Flushed(core_.log().end_offset()));
  }
  void Lose(int32_t node) { Perform(core_.PeerLost(Id(node), now_)); }
  void Hear(const QuorumMessage& message, const std::vector<QuorumEntry>& entries) {
    if (!stopped_) Perform(core_.Receive(message, entries, now_));
  }
  bool stopped() const { return stopped_; }

 private:
  void Perform(const QuorumEffects& effects) {
    stopped_ |= !effects.fatal.ok();
    if (stopped_) return;
    if (effects.truncate_to) {
      while (!log_.empty() && log_.back().end_offset > *effects.truncate_to) log_.pop_back();
    }
    for (const QuorumEntry& entry : effects.append) log_.push_back(entry);
    CHECK(core_.log().committed_end() <= core_.log().end_offset());
    for (const QuorumMessage& message : effects.messages) {
      const auto again = FromFrame(ToFrame(message));
      CHECK(again.ok(), "says what nobody takes: {}", again.status().ToString());
    }
    if (effects.persist) Perform(core_.VoteDurable(effects.persist->epoch));
  }

  Random random_{1};
  MonotonicTime now_;
  std::vector<QuorumEntry> log_;
  bool stopped_ = false;
  QuorumCore core_;
};

void Take(OneVoter& voter, std::span<const uint8_t> bytes) {
  pb::QuorumFrame frame;
  if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  auto message = FromFrame(frame);
  if (!message.ok()) return;
  const auto again = FromFrame(ToFrame(*message));
  CHECK(again.ok() && ToFrame(*again).SerializeAsString() == ToFrame(*message).SerializeAsString(),
        "{}", frame.ShortDebugString());
  std::vector<QuorumEntry> entries;
  if (const auto* append = std::get_if<AppendRequest>(&message->body)) {
    const std::string& records = frame.append_request().batches();
    const auto batches = DecodeLoggedBatches(fuzz::WithRightChecksums(
        std::span(reinterpret_cast<const uint8_t*>(records.data()), records.size())));
    if (!batches.ok()) return;
    const auto named = EntriesOf(*append, message->epoch, *batches);
    if (!named.ok()) return;
    entries = *named;
  }
  // So that what is guessed reaches somebody.
  message->to = Id(1);
  message->from = Id(2 + (message->from.node_id & 1));
  voter.Hear(*message, entries);
}

}  // namespace
}  // namespace soliton::controller

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace soliton;
  fuzz::InputReader in(data, size);
  controller::OneVoter voter;
  if (in.Byte() % 2 == 1) voter.BecomeLeader();
  for (int steps = 0; !in.empty() && steps < 64 && !voter.stopped(); ++steps) {
    switch (in.Byte() % 8) {
      case 0:
        voter.Tick(milliseconds(in.Byte() * 8));
        break;
      case 1:
        voter.Flush();
        break;
      case 2:
        voter.Append();
        break;
      case 3:
        voter.Lose(2 + in.Byte() % 2);
        break;
      default:
        controller::Take(voter, in.Piece());
    }
  }
  return 0;
}

#include "controller/quorum/quorum_replica.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "controller/log/metadata_log_reader.h"
#include "controller/quorum/quorum_batches.h"
#include "controller/quorum/quorum_wire.h"
#include "runtime/base/buffer_chain.h"
#include "runtime/base/check.h"
#include "runtime/base/mutant.h"
#include "runtime/obs/logging.h"

namespace soliton::controller {
namespace {

constexpr int64_t kSliceBytes = 1 << 20;

}  // namespace

QuorumReplica::QuorumReplica(FileSystem& files, DiskExecutor& disk, Shard& shard,
                             const Options& options, QuorumPeers& peers, Listener& listener,
                             std::unique_ptr<segment::Log> log)
    : files_(files),
      disk_(disk),
      shard_(shard),
      options_(options),
      peers_(peers),
      listener_(listener),
      log_(std::move(log)),
      told_end_(log_->log_start_offset()) {}

QuorumReplica::~QuorumReplica() { shard_.CancelTimer(timer_); }

// ---- opening ----

absl::StatusOr<std::unique_ptr<QuorumReplica>> QuorumReplica::Open(FileSystem& files,
                                                                   DiskExecutor& disk, Shard& shard,
                                                                   const Options& options,
                                                                   QuorumPeers& peers,
                                                                   Listener& listener) {
  segment::OpenOptions open;
  open.directory = options.directory;
  open.clean_shutdown = options.clean_shutdown;
  auto log =
      segment::Log::Open(files, shard.clock(), MetadataLogOptions(options.segment_bytes), open);
  if (!log.ok()) return log.status();
  // A vote may be given before the log is flushed for the first time.
  if (absl::Status named = files.SyncDirectory(DirectoryOf(options.directory)); !named.ok()) {
    return named;
  }
  std::unique_ptr<QuorumReplica> replica(
      new QuorumReplica(files, disk, shard, options, peers, listener, *std::move(log)));
  if (absl::Status opened = replica->OpenCore(); !opened.ok()) return opened;
  return replica;
}

std::string QuorumReplica::vote_path() const { return JoinPath(options_.directory, kVoteFileName); }

std::string QuorumReplica::mark_path() const {
  return JoinPath(DirectoryOf(options_.directory), kVoterMarkName);
}

// The mark stays when somebody removes the log: without it a voter that has forgotten all it has
// promised would look like a new one.
absl::Status QuorumReplica::MakeVoteFile() {
  VoteFile file;
  if (absl::Status made = BeginProcess(&file); !made.ok()) return made;
  return WriteFileAtomically(files_, mark_path(), "");
}

// What is behind the snapshot, or everything.
absl::StatusOr<QuorumLogView> QuorumReplica::OpenLogView(bool* names_voters) {
  VoterSet voters = options_.initial_voters;
  if (loaded_) {
    auto of_snapshot = VotersOf(loaded_->voters);
    if (!of_snapshot.ok()) return of_snapshot.status();
    voters = *std::move(of_snapshot);
    *names_voters = true;
  }
  const LogPosition start = loaded_ ? loaded_->end : LogPosition{};
  QuorumLogView view(start, std::move(voters));
  absl::Status read = ForEachLoggedBatch(*log_, std::max(start.offset, log_->log_start_offset()),
                                         log_->log_end_offset(), [&](const LoggedBatch& batch) {
                                           const auto entry = EntryOf(batch);
                                           if (!entry.ok()) return entry.status();
                                           *names_voters |= entry->voters.has_value();
                                           view.Append(*entry);
                                           return absl::OkStatus();
                                         });
  if (!read.ok()) return read;
  return view;
}

absl::Status QuorumReplica::OpenCore() {
  if (absl::Status opened = OpenSnapshot(); !opened.ok()) return opened;
  bool names_voters = false;
  absl::StatusOr<QuorumLogView> view = OpenLogView(&names_voters);
  if (!view.ok()) return view.status();
  absl::StatusOr<VoteFile> vote = ReadVote(files_, vote_path());
  if (absl::IsNotFound(vote.status())) {
    adopts_ = options_.adopt_old_log && !names_voters && view->end_offset() > 0;
    if (files_.Exists(mark_path()) || (view->end_offset() > 0 && !adopts_)) {
      return absl::DataLossError(
          fmt::format("{}, and there was one: this controller has lost its log, or forgotten whom "
                      "it voted for. "
                      "Restore it, or remove all of {} and let it join as a new one",
                      std::string(vote.status().message()), DirectoryOf(options_.directory)));
    }
    if (adopts_) {
      const LogPosition end = view->end();
      view = QuorumLogView({-1, 0}, VoterSet({options_.self}));
      view->Append({.base_offset = 0, .end_offset = end.offset, .epoch = end.epoch});
    }
    vote = VoteFile{};
    if (absl::Status made = MakeVoteFile(); !made.ok()) return made;
  } else if (!vote.ok()) {
    return vote.status();
  } else {
    if (absl::Status begun = BeginProcess(&*vote); !begun.ok()) return begun;
  }
  lives_ = VoterLives(vote->peers);
  view->SetFlushed(view->end_offset());
  core_ = std::make_unique<QuorumCore>(
      options_.quorum, options_.self, vote->vote, *std::move(view),
      [this](int64_t offset) { return SliceEnd(offset); }, shard_.random(), now());
  return absl::OkStatus();
}

void QuorumReplica::Start() {
  started_ = true;
  if (loaded_) listener_.OnSnapshot(*std::exchange(loaded_, std::nullopt));
  ArmTimer();
}

// ---- events ----

absl::Status QuorumReplica::Receive(const pb::QuorumFrame& frame) {
  absl::StatusOr<QuorumMessage> message = FromFrame(frame);
  if (!message.ok()) return message.status();
  std::vector<LoggedBatch> received;
  std::vector<QuorumEntry> entries;
  if (frame.has_append_request()) {
    auto batches = DecodeLoggedBatches(Buffer::CopyOf(frame.append_request().batches()));
    if (!batches.ok()) return batches.status();
    received = *std::move(batches);
    auto named = EntriesOf(std::get<AppendRequest>(message->body), message->epoch, received);
    if (!named.ok()) return named.status();
    entries = *std::move(named);
  }
  if (!started_ || failed_ || closed_) return absl::OkStatus();
  offered_snapshot_ = Buffer::CopyOf(frame.snapshot_request().content());
  Perform(core_->Receive(*message, entries, now()), std::move(received));
  return absl::OkStatus();
}

void QuorumReplica::PeerFound(const Voter& peer) {
  if (failed_ || closed_) return;
  found_.insert(peer);
  Perform(core_->PeerFound(peer, now()));
  TeachLearners();
}

void QuorumReplica::PeerLost(const Voter& peer) {
  if (failed_ || closed_) return;
  found_.erase(peer);
  core_->RemoveLearner(peer);
  Perform(core_->PeerLost(peer, now()));
}

void QuorumReplica::Form(const VoterSet& voters) {
  if (!failed_ && !closed_) Perform(core_->Form(voters, now()));
}

void QuorumReplica::Transfer() {
  if (!failed_ && !closed_) Perform(core_->Transfer(now()));
}

absl::StatusOr<int64_t> QuorumReplica::Append(const std::vector<pb::MetadataRecord>& records) {
  if (!may_append()) {
    return absl::UnavailableError("this controller does not lead");
  }
  const auto voters = VotersOf(records);
  if (!voters.ok()) return voters.status();
  if (*voters) {
    if (absl::Status may = core_->MayChangeVoters(**voters); !may.ok()) return may;
  }
  return AppendInEpoch(records);
}

absl::StatusOr<int64_t> QuorumReplica::AppendInEpoch(
    const std::vector<pb::MetadataRecord>& records) {
  const int64_t base_offset = log_->log_end_offset();
  // The log stamps base offset and epoch in place.
  Buffer bytes = EncodeMetadataBatch(records, 0, shard_.clock().WallMs());
  const segment::AppendResult appended = log_->AppendAsLeader(bytes, core_->epoch());
  if (appended.error != kafka::ErrorCode::NONE || appended.base_offset != base_offset) {
    absl::Status why =
        absl::DataLossError(fmt::format("append to {} failed: {} {}", log_->directory(),
                                        kafka::ErrorName(appended.error), appended.error_message));
    Fail(why);
    return why;
  }
  recent_.push_back({{base_offset, records}, std::move(bytes)});
  FlushIfIdle();
  const auto entry = EntryOf(recent_.back());
  CHECK(entry.ok(), "{}", entry.status().ToString());
  Perform(core_->Appended(*entry));
  if (entry->voters) TeachLearners();
  return base_offset;
}

// ---- effects ----

void QuorumReplica::Perform(QuorumEffects effects, std::vector<LoggedBatch> received) {
  if (!effects.fatal.ok()) return Fail(effects.fatal);
  if (effects.persist) Persist(*effects.persist);
  if (effects.truncate_to) {
    LogInfo("{}: cut to offset {}, where the leader of epoch {} has other records",
            log_->directory(), *effects.truncate_to, core_->epoch());
    absl::Status cut = log_->TruncateTo(*effects.truncate_to);
    if (!cut.ok()) return Fail(cut);
    while (!recent_.empty() && recent_.back().batch.base_offset >= *effects.truncate_to) {
      recent_.pop_back();
    }
  }
  if (!effects.append.empty()) AppendReceived(effects.append, received);
  if (failed_) return;
  for (const QuorumMessage& message : effects.messages) {
    if (persisting_ && !SOLITON_MUTANT("quorum_messages_overtake_the_vote_file")) {
      gate_.push_back(message);
    } else {
      Send(message);
    }
  }
  if (effects.install_snapshot) InstallSnapshot(*effects.install_snapshot);
  if (!effects.send_snapshot.empty()) SendSnapshots(effects.send_snapshot);
  if (effects.committed_end) TellCommitted();
  if (!failed_) TellRole();
  TakeSnapshotIfDue();
  ArmTimer();
}

void QuorumReplica::AppendReceived(const std::vector<QuorumEntry>& entries,
                                   std::vector<LoggedBatch>& received) {
  // They are the last ones of what came.
  const size_t first = received.size() - entries.size();
  BufferChain chain;
  for (size_t i = first; i < received.size(); ++i) chain.Append(received[i].bytes);
  const auto bytes = chain.Flatten();
  if (!bytes.ok()) return Fail(bytes.status());
  const auto appended = log_->AppendAsFollower(*bytes, core_->epoch());
  if (!appended.ok()) return Fail(appended.status());
  for (size_t i = first; i < received.size(); ++i) recent_.push_back(std::move(received[i]));
  FlushIfIdle();
}

void QuorumReplica::Send(const QuorumMessage& message) {
  pb::QuorumFrame frame = ToFrame(message);
  frame.set_life(durable_life_);
  if (const auto* append = std::get_if<AppendRequest>(&message.body)) {
    // Only leaders send these, and they have nothing to persist: the log is as it was then.
    const int64_t from = append->after.offset;
    if (append->end_offset > from) {
      const auto bytes = ReadSlice(from, append->end_offset);
      if (!bytes.ok()) return Fail(bytes.status());
      frame.mutable_append_request()->set_batches(std::string(bytes->view()));
    }
  }
  peers_.Send(message.to, frame);
}

int64_t QuorumReplica::SliceEnd(int64_t offset) const {
  const auto slice = log_->Read(offset, log_->log_end_offset(), kSliceBytes, true);
  // A disk that fails is noticed when the records are read to be sent.
  if (!slice.ok()) return log_->log_end_offset();
  CHECK(slice->end_offset > offset, "{}: nothing to send from offset {} on", log_->directory(),
        offset);
  return slice->end_offset;
}

absl::StatusOr<Buffer> QuorumReplica::ReadSlice(int64_t from, int64_t end) const {
  auto slice = log_->Read(from, end, std::numeric_limits<int32_t>::max(), true);
  if (!slice.ok()) return slice.status();
  BufferChain chain;
  chain.Append(slice->region);
  return chain.Flatten();
}

// ---- disk ----

void QuorumReplica::OnDisk(DiskLane lane, Task work, Task done) {
  disk_.Submit(static_cast<uint64_t>(lane), shard_, std::move(work),
               [done = std::move(done), weak = std::weak_ptr<QuorumReplica*>(alive_)]() mutable {
                 if (!weak.expired()) done();
               });
}

void QuorumReplica::Persist(const VoteState& vote) {
  if (persisting_) {
    to_persist_ = vote;
    return;
  }
  persisting_ = vote;
  auto result = std::make_shared<absl::Status>();
  const VoteFile file = NextVoteFile(vote);
  OnDisk(
      DiskLane::kLog,
      [result, file, files = &files_, path = vote_path()] {
        *result = WriteVote(*files, path, file);
      },
      [this, result, vote, life = file.life] { Persisted(vote, life, *result); });
}

void QuorumReplica::Persisted(const VoteState& vote, int64_t life, const absl::Status& result) {
  persisting_.reset();
  if (closing_) return FinishClose();
  if (failed_) return;
  if (!result.ok()) return Fail(result);
  durable_life_ = std::max(durable_life_, life);
  if (to_persist_) {
    const VoteState next = *std::exchange(to_persist_, std::nullopt);
    return Persist(next);
  }
  for (const QuorumMessage& message : std::exchange(gate_, {})) Send(message);
  Perform(core_->VoteDurable(vote.epoch));
}

void QuorumReplica::FlushIfIdle() {
  if (failed_ || closed_) return;
  std::optional<segment::FlushTicket> taken = log_->TakeFlush();
  if (!taken) return;
  flushing_ = true;
  struct Work {
    segment::FlushTicket ticket;
    absl::Status result;
  };
  auto work = std::make_shared<Work>();
  work->ticket = *std::move(taken);
  OnDisk(
      DiskLane::kLog, [work, files = &files_] { work->result = work->ticket.Run(*files); },
      [this, work] { FlushDone(work->ticket, work->result); });
}

void QuorumReplica::FlushDone(const segment::FlushTicket& ticket, const absl::Status& result) {
  flushing_ = false;
  log_->FlushDone(ticket, result);
  if (closing_) return FinishClose();
  if (failed_) return;
  if (!log_->fatal_error().ok()) return Fail(log_->fatal_error());
  // The next flush starts before anyone is told of this one.
  FlushIfIdle();
  BeginLifeIfDue();
  Perform(core_->Flushed(log_->flushed_offset()));
}

// ---- listener ----

void QuorumReplica::TellCommitted() {
  const int64_t end = core_->committed_end();
  const auto tell = [this](const LoggedBatch& batch) {
    told_end_ = batch.batch.end_offset();
    bytes_since_snapshot_ += static_cast<int64_t>(batch.bytes.size());
    for (const pb::MetadataRecord& record : batch.batch.records) {
      if (record.has_voters()) voters_ = record.voters();
    }
    listener_.OnCommitted(batch);
    return absl::OkStatus();
  };
  while (told_end_ < end && !failed_ && !closed_) {
    if (!recent_.empty() && recent_.front().batch.base_offset == told_end_) {
      const LoggedBatch batch = std::move(recent_.front());
      recent_.pop_front();
      (void)tell(batch);
      continue;
    }
    // From before the start of this process.
    const int64_t until = recent_.empty() ? end : std::min(end, recent_.front().batch.base_offset);
    if (absl::Status read = ForEachLoggedBatch(*log_, told_end_, until, tell); !read.ok())
      return Fail(read);
  }
}

void QuorumReplica::TellRole() {
  if (!core_->is_leader()) {
    led_ = false;
    if (std::exchange(told_leading_, false)) listener_.OnDeposed();
    const std::optional<Voter> leader = core_->reachable_leader();
    if (std::exchange(told_leader_, leader) != leader) listener_.OnLeaderChanged();
    return;
  }
  told_leader_ = core_->self();
  if (!std::exchange(led_, true)) {
    log_->AssignLeaderEpoch(core_->epoch());
    // The first leader writes down who votes: from then on the configuration says nothing.
    pb::MetadataRecord first;
    first.mutable_no_op();
    if (core_->log().end_offset() == 0 || adopts_)
      first = VotersRecord(core_->voters(), options_.endpoints);
    adopts_ = false;
    if (AppendInEpoch({first}).ok()) TeachLearners();
    return;
  }
  if (!told_leading_ && core_->committed_end() > core_->epoch_start()) {
    told_leading_ = true;
    listener_.OnLeading(core_->epoch());
  }
}

void QuorumReplica::TeachLearners() {
  if (!core_->is_leader()) return;
  for (const Voter& peer : std::set<Voter>(found_)) {
    if (core_->voters().Contains(peer)) {
      core_->RemoveLearner(peer);
    } else if (!failed_) {
      Perform(core_->AddLearner(peer, now()));
    }
  }
}

void QuorumReplica::ArmTimer() {
  if (!started_ || failed_ || closed_) return;
  const MonotonicTime at = core_->deadline();
  if (timer_ != 0 && timer_at_ <= at) return;
  shard_.CancelTimer(timer_);
  timer_at_ = at;
  timer_ = shard_.ScheduleAt(at, [this] {
    timer_ = 0;
    if (now() >= core_->deadline()) return Perform(core_->Tick(now()));
    ArmTimer();
  });
}

void QuorumReplica::Fail(const absl::Status& why) {
  if (std::exchange(failed_, true) || closed_) return;
  shard_.CancelTimer(std::exchange(timer_, 0));
  told_leading_ = false;
  listener_.OnFailed(why);
}

void QuorumReplica::Close(absl::AnyInvocable<void(absl::Status)> done) {
  closed_ = true;
  shard_.CancelTimer(std::exchange(timer_, 0));
  closing_ = std::move(done);
  FinishClose();
}

void QuorumReplica::FinishClose() {
  if (flushing_ || persisting_ || beginning_life_ || on_snapshot_disk_) return;
  alive_.reset();
  auto done = std::exchange(closing_, nullptr);
  done(failed_ ? absl::FailedPreconditionError("the metadata log has failed")
               : log_->CloseCleanly());
}

}  // namespace soliton::controller

#include "tests/segment/log_model.h"

#include <fmt/format.h>

#include <algorithm>

namespace soliton::segment {
namespace {

std::string Describe(const std::vector<StoredBatch>& batches) {
  std::string text;
  for (const StoredBatch& batch : batches) {
    text += fmt::format(" [{}..{} e{}]", batch.base_offset, batch.last_offset, batch.leader_epoch);
  }
  return text;
}

}  // namespace

absl::Status LogModel::Open(bool clean_shutdown) {
  DropLog();
  auto opened = Log::Open(
      *fs_, *clock_, options_,
      {.directory = "/data/topic-0", .topic_id = Uuid{1, 2}, .clean_shutdown = clean_shutdown});
  if (!opened.ok()) return opened.status();
  log_ = *std::move(opened);
  return absl::OkStatus();
}

bool LogModel::IsLegal(const std::vector<StoredBatch>& recovered, int64_t recovered_end,
                       const Content& content) const {
  size_t i = 0;
  const int64_t recovered_start = log_->log_start_offset();
  while (i < content.batches.size() && content.batches[i].last_offset < recovered_start) ++i;
  for (const StoredBatch& batch : recovered) {
    if (i == content.batches.size() || content.batches[i] != batch) return false;
    ++i;
  }
  if (!recovered.empty()) return true;
  // An empty log still has a place: where it was cut, or where it was told to start.
  return recovered_end == recovered_start ||
         (i < content.batches.size() && content.batches[i].base_offset == recovered_end) ||
         recovered_end == content.end_offset;
}

void LogModel::OpenRecovered(const std::string& context) {
  const absl::Status status = Open(false);
  ASSERT_TRUE(status.ok()) << context << ": " << status.ToString();
  const std::vector<StoredBatch> recovered = ReadAll(*log_);
  const int64_t recovered_end = log_->log_end_offset();
  EXPECT_EQ(log_->flushed_offset(), recovered_end) << context;
  EXPECT_GE(log_->log_start_offset(), start_offset_) << context;
  EXPECT_LE(log_->log_start_offset(), std::max(start_offset_, attempted_start_offset_)) << context;
  EXPECT_GE(recovered_end, durable_end_offset_)
      << context << ": lost; has" << Describe(recovered) << " of" << Describe(batches_);
  EXPECT_TRUE(IsLegal(recovered, recovered_end, {batches_, end_offset_}) ||
              (before_loss_ && IsLegal(recovered, recovered_end, *before_loss_)))
      << context << ": recovered" << Describe(recovered) << " of" << Describe(batches_);
  batches_ = recovered;
  start_offset_ = attempted_start_offset_ = log_->log_start_offset();
  end_offset_ = durable_end_offset_ = recovered_end;
  before_loss_.reset();
  Check(context);
}

void LogModel::Add(const BatchSpec& spec, int32_t leader_epoch) {
  const Buffer bytes = MakeBatch(spec, end_offset_, leader_epoch);
  batches_.push_back(
      {end_offset_, end_offset_ + spec.records - 1, leader_epoch, std::string(bytes.view())});
  end_offset_ += spec.records;
}

void LogModel::AppendTogether(const std::vector<BatchSpec>& specs, int32_t leader_epoch) {
  if (stopped()) return;
  std::vector<Buffer> batches;
  for (const BatchSpec& spec : specs) batches.push_back(MakeBatch(spec));
  const std::vector<AppendResult> results = log_->AppendAsLeader(batches, leader_epoch);
  ASSERT_EQ(results.size(), specs.size());
  bool refused = false;
  for (size_t i = 0; i < specs.size(); ++i) {
    const AppendResult& result = results[i];
    if (result.disk_full) {
      EXPECT_TRUE(log_->fatal_error().ok());
      refused = true;
      continue;
    }
    if (refused && result.error == kafka::ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER) continue;
    // What failed half-way may still come back whole.
    Add(specs[i], leader_epoch);
    if (stopped() && result.error == kafka::ErrorCode::KAFKA_STORAGE_ERROR) continue;
    EXPECT_EQ(result.error, kafka::ErrorCode::NONE) << result.error_message;
    EXPECT_FALSE(result.duplicate);
    EXPECT_EQ(result.base_offset, batches_.back().base_offset);
    EXPECT_EQ(result.last_offset, batches_.back().last_offset);
  }
}

void LogModel::Continue(int64_t producer_id, BatchSpec& spec) {
  spec.producer_id = producer_id;
  for (auto it = batches_.rbegin(); it != batches_.rend(); ++it) {
    const kafka::RecordBatchHeader header(reinterpret_cast<const uint8_t*>(it->bytes.data()));
    if (header.producer_id() != producer_id) continue;
    spec.producer_epoch = header.producer_epoch();
    spec.base_sequence = kafka::SequenceAfter(header.last_sequence(), 1);
    return;
  }
  // The log may or may not remember it from before the log start: a new epoch is always welcome.
  spec.producer_epoch = next_producer_epoch_++;
  spec.base_sequence = 0;
}

void LogModel::ContinueAll(int64_t producer_id, std::vector<BatchSpec>& specs) {
  Continue(producer_id, specs.front());
  for (size_t i = 1; i < specs.size(); ++i) {
    const BatchSpec& before = specs[i - 1];
    specs[i].producer_id = producer_id;
    specs[i].producer_epoch = before.producer_epoch;
    specs[i].base_sequence = kafka::SequenceAfter(before.base_sequence, before.records);
  }
}

void LogModel::AppendAsProducer(int64_t producer_id, BatchSpec spec, int32_t leader_epoch) {
  if (stopped()) return;
  Continue(producer_id, spec);
  AppendAsLeader(spec, leader_epoch);
}

void LogModel::RetryLastOf(int64_t producer_id, int32_t leader_epoch) {
  if (stopped()) return;
  for (auto it = batches_.rbegin(); it != batches_.rend(); ++it) {
    const kafka::RecordBatchHeader header(reinterpret_cast<const uint8_t*>(it->bytes.data()));
    if (header.producer_id() != producer_id) continue;
    auto again = kafka::RecordBatchView::Parse(Buffer::CopyOf(it->bytes));
    ASSERT_TRUE(again.ok());
    again->SetBaseOffset(0);
    const AppendResult result = log_->AppendAsLeader(again->buffer(), leader_epoch);
    if (stopped()) return;
    EXPECT_TRUE(result.duplicate) << result.error_message;
    EXPECT_EQ(result.base_offset, it->base_offset);
    EXPECT_EQ(result.last_offset, it->last_offset);
    return;
  }
}

void LogModel::AppendAsFollower(const std::vector<BatchSpec>& specs, int32_t leader_epoch) {
  if (stopped()) return;
  std::vector<Buffer> pieces;
  const size_t before = batches_.size();
  for (const BatchSpec& spec : specs) Add(spec, leader_epoch);
  for (size_t i = before; i < batches_.size(); ++i)
    pieces.push_back(Buffer::CopyOf(batches_[i].bytes));
  const absl::StatusOr<int> count = log_->AppendAsFollower(Concatenate(pieces), leader_epoch);
  if (stopped()) return;
  if (!count.ok()) {
    ASSERT_TRUE(absl::IsResourceExhausted(count.status())) << count.status().ToString();
  }
  while (batches_.size() > before + static_cast<size_t>(count.ok() ? *count : 0)) {
    end_offset_ = batches_.back().base_offset;
    batches_.pop_back();
  }
}

void LogModel::TakeFlush() {
  if (stopped()) return;
  if (!ticket_) ticket_ = log_->TakeFlush();
}

void LogModel::FinishFlush() {
  if (!ticket_ || fs_->frozen()) return;
  log_->FlushDone(*ticket_, ticket_->Run(*fs_));
  ticket_.reset();
  durable_end_offset_ = std::max(durable_end_offset_, log_->flushed_offset());
}

bool LogModel::FinishFlushWith(int n, const std::function<void()>& between) {
  int left = n;  // goes below zero with the operations of `between`
  fs_->SetObserver([&](sim::FileOperation, const std::string&) {
    if (--left == 0) between();
  });
  const absl::Status status = ticket_->Run(*fs_);
  fs_->SetObserver(nullptr);
  EXPECT_TRUE(status.ok()) << "operation " << n << ": " << status.ToString();
  log_->FlushDone(*ticket_, status);
  ticket_.reset();
  durable_end_offset_ = std::max(durable_end_offset_, log_->flushed_offset());
  return left <= 0;
}

void LogModel::TruncateTo(int64_t offset) {
  if (stopped()) return;
  if (offset < start_offset_) return TruncateFullyAndStartAt(offset);
  BeginLoss();
  const auto [start_before, durable_before] = std::pair(start_offset_, durable_end_offset_);
  while (!batches_.empty() && batches_.back().last_offset >= offset) {
    end_offset_ = batches_.back().base_offset;
    batches_.pop_back();
  }
  durable_end_offset_ = std::min(durable_end_offset_, end_offset_);
  start_offset_ = std::min(start_offset_, end_offset_);
  const absl::Status status = log_->TruncateTo(offset);
  if (WasRefused(status)) {
    TakeBackLoss();
    start_offset_ = start_before;
    durable_end_offset_ = durable_before;
  }
  EndLoss(status);
}

void LogModel::TruncateFullyAndStartAt(int64_t offset) {
  if (stopped()) return;
  BeginLoss();
  const auto [start_before, durable_before] = std::pair(start_offset_, durable_end_offset_);
  batches_.clear();
  end_offset_ = offset;
  durable_end_offset_ = 0;
  attempted_start_offset_ = std::max(start_offset_, offset);
  start_offset_ = std::min(start_offset_, offset);
  const absl::Status status = log_->TruncateFullyAndStartAt(offset);
  if (status.ok()) start_offset_ = attempted_start_offset_ = durable_end_offset_ = offset;
  if (WasRefused(status)) {
    TakeBackLoss();
    start_offset_ = attempted_start_offset_ = start_before;
    durable_end_offset_ = durable_before;
  }
  EndLoss(status);
}

void LogModel::TakeBackLoss() {
  batches_ = before_loss_->batches;
  end_offset_ = before_loss_->end_offset;
  before_loss_.reset();
}

void LogModel::AdvanceLogStart(int64_t offset) {
  if (stopped() || offset > end_offset_) return;
  const int64_t attempted_before = attempted_start_offset_;
  attempted_start_offset_ = std::max(attempted_start_offset_, offset);
  const absl::Status status = log_->AdvanceLogStart(offset);
  if (WasRefused(status)) attempted_start_offset_ = attempted_before;
  if (!status.ok()) return;
  start_offset_ = std::max(start_offset_, offset);
  std::erase_if(batches_, [this](const StoredBatch& b) { return b.last_offset < start_offset_; });
}

void LogModel::ApplyRetention(int64_t retention_ms, int64_t retention_bytes) {
  if (stopped()) return;
  const int64_t attempted_before = attempted_start_offset_;
  attempted_start_offset_ = std::max(attempted_start_offset_, durable_end_offset_);
  const absl::Status status =
      log_->ApplyRetention(retention_ms, retention_bytes, durable_end_offset_);
  if (WasRefused(status)) attempted_start_offset_ = attempted_before;
  if (!status.ok()) return;
  EXPECT_GE(log_->log_start_offset(), start_offset_);
  EXPECT_LE(log_->log_start_offset(), std::max(start_offset_, durable_end_offset_));
  start_offset_ = attempted_start_offset_ = log_->log_start_offset();
  std::erase_if(batches_, [this](const StoredBatch& b) { return b.last_offset < start_offset_; });
}

bool LogModel::CloseCleanly() {
  if (stopped()) return false;
  if (ticket_) FinishFlush();
  if (!log_->CloseCleanly().ok()) return false;
  durable_end_offset_ = end_offset_;
  return true;
}

void LogModel::Check(const std::string& context) {
  ASSERT_EQ(log_->log_start_offset(), start_offset_) << context;
  ASSERT_EQ(log_->log_end_offset(), end_offset_) << context;
  EXPECT_LE(log_->flushed_offset(), end_offset_) << context;
  EXPECT_EQ(ReadAll(*log_), batches_) << context;
  for (const StoredBatch& batch : batches_) {
    EXPECT_EQ(log_->LeaderEpochOf(std::max(batch.base_offset, start_offset_)), batch.leader_epoch)
        << context << " at offset " << batch.base_offset;
  }
}

}  // namespace soliton::segment

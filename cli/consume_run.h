// One run of `soliton consume`: finds where to start and to end, reads, prints.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/client_loop.h"
#include "cli/record_format.h"
#include "cli/start_position.h"
#include "consumer/consumer.h"

namespace soliton::cli {

enum class ConsumeOutput { kText, kJson };

struct ConsumeFlags {
  std::string topic;
  std::optional<std::string> from;
  std::optional<std::string> partitions;
  int64_t count = -1;
  bool follow = false;
  bool exit_at_end = false;
  std::optional<std::string> format;
  ConsumeOutput output = ConsumeOutput::kText;
  bool read_committed = false;
  bool quiet = false;
  std::vector<std::string> settings;
};

// One run: finds where to start (and to end), reads, prints. Lives as long as the loop.
class ConsumeRun {
 public:
  ConsumeRun(ClientLoop& loop, const ConsumeFlags& flags, consumer::ConsumerOptions options,
             RecordFormat format, std::vector<int32_t> partitions)
      : loop_(loop),
        flags_(flags),
        options_(std::move(options)),
        format_(std::move(format)),
        wanted_partitions_(std::move(partitions)) {}

  void Start();

 private:
  using TopicPartition = consumer::TopicPartition;

  void ChoosePartitions();

  // What "the end" means is settled once: records that come later are not waited for.
  void FindEnds();

  // An offset that does not exist (yet) would make -e end at once, as if all were read.
  bool StartExists(const TopicPartition& name) const;

  void Assign();

  void ScheduleDrain();

  // A reader that has gone (| head) is noticed also while there is nothing to print.
  void WatchReader();

  void Drain();

  bool Enough() const { return flags_.count >= 0 && printed_ >= flags_.count; }

  bool AtEnd() const;

  void PrintSet(const consumer::RecordSet& set, std::string& text);

  void OnEvent(const consumer::ConsumerEvent& event);

  void Finish(ExitCode code);

  ClientLoop& loop_;
  const ConsumeFlags& flags_;
  const consumer::ConsumerOptions options_;
  const RecordFormat format_;
  FromOption from_;
  std::vector<int32_t> wanted_partitions_;  // empty = all
  std::unique_ptr<consumer::Consumer> consumer_;
  std::map<TopicPartition, int64_t> starts_;
  std::map<TopicPartition, int64_t> ends_;
  size_t lookups_left_ = 0;
  int64_t printed_ = 0;
  bool drain_scheduled_ = false;
};

}  // namespace soliton::cli

// One run of `soliton produce`: reads, sends, counts.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client_loop.h"
#include "cli/option_set.h"
#include "cli/record_format.h"
#include "producer/producer.h"
#include "protocol/record/codec.h"
#include "runtime/line_reader.h"

namespace soliton::cli {

// What a command sends is bulk: larger batches than an application's.
inline constexpr int64_t kDefaultBatchBytes = 128 * 1024;

struct ProduceFlags {
  std::string topic;
  std::optional<std::string> value;
  std::string file;
  std::optional<std::string> key;
  std::optional<std::string> key_separator;
  std::string delimiter = "\\n";
  std::vector<std::string> headers;
  int32_t partition = -1;
  kafka::Codec codec = kafka::Codec::kNone;
  int acks = -1;
  bool idempotence = true;
  double rate = 0;
  Duration linger = milliseconds(5);
  ByteCount batch_size{kDefaultBatchBytes};
  std::optional<std::string> format;
  bool null_empty = false;
  bool quiet = false;
  std::vector<std::string> settings;
};

// One run: reads, sends, counts. Lives as long as the loop.
class ProduceRun {
 public:
  ProduceRun(ClientLoop& loop, const ProduceFlags& flags, producer::ProducerOptions options,
             std::optional<RecordFormat> format, std::string key_separator)
      : loop_(loop),
        flags_(flags),
        options_(std::move(options)),
        format_(std::move(format)),
        key_separator_(std::move(key_separator)) {}

  void Start(std::unique_ptr<LineReader> reader);

 private:
  MonotonicTime Now() const { return loop_.shard().clock().Now(); }

  void ReadMore();

  // Sends what has been read, as far as memory and rate allow, then reads on.
  void SendLines();

  void Wait(const std::function<void(std::function<void()>)>& arrange);

  double AllowedByRate() const;

  // False when the producer has no room.
  bool SendLine(const std::string& line);

  producer::SendCallback CallbackFor(const std::string& line, std::string_view value);

  void Print(const producer::RecordMetadata& metadata, const std::string& key,
             const std::string& value);

  void OnResult(const absl::StatusOr<producer::RecordMetadata>& result);

  void OnFailed(const absl::Status& why);

  // Sends no more, and gives what is on its way a moment to be acknowledged.
  void Interrupt();

  void Flush();

  void Finish();

  std::string Summary(Duration elapsed) const;

  CliError FailureError() const;

  ClientLoop& loop_;
  const ProduceFlags& flags_;
  const producer::ProducerOptions options_;
  const std::optional<RecordFormat> format_;
  const std::string key_separator_;
  std::unique_ptr<LineReader> reader_;
  std::unique_ptr<producer::Producer> producer_;
  std::deque<std::string> lines_;
  MonotonicTime started_{};
  bool reading_ = false;
  bool end_of_input_ = false;
  bool waiting_ = false;  // for memory or for the rate
  bool flushing_ = false;
  bool stop_ = false;
  bool interrupted_ = false;
  bool output_flush_scheduled_ = false;
  uint64_t sent_ = 0;
  uint64_t acked_ = 0;
  uint64_t failed_ = 0;
  int64_t bytes_ = 0;
  producer::RecordMetadata last_;
  absl::Status first_error_;
  absl::Status input_error_;
};

}  // namespace soliton::cli

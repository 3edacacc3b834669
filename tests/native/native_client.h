// A client process on shards of its own: a producer that keeps sending numbered records on one, a
// consumer that checks them on another, and admin requests from the thread of the test.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "consumer/consumer.h"
#include "producer/producer.h"
#include "tests/native/native_cluster.h"

namespace soliton::native {

class NativeClient {
 public:
  explicit NativeClient(std::vector<Endpoint> bootstrap);
  ~NativeClient();  // abrupt

  // ---- admin; each waits for its answer ----

  // Creates the topic and waits until every partition has a leader and a full ISR.
  void CreateTopic(const std::string& topic, int partitions, int replication_factor);
  kafka::ErrorCode DeleteTopic(const std::string& topic);
  // Waits until every partition of `topic` has `size` replicas in sync.
  bool AwaitInSync(const std::string& topic, size_t size);
  // How many partitions a broker leads, as the newest answer has it.
  int LedBy(const std::string& topic, int32_t broker);

  // ---- load ----

  // Sends to all partitions in turn, keeping up to `in_flight` records unanswered, until
  // StopSending. Values are "<partition> <number>".
  void StartSending(const std::string& topic, int partitions, int in_flight);
  // Waits for what is in flight.
  void StopSending();
  // Waits until at least `count` more records were acknowledged.
  bool AwaitAcked(int64_t count);
  int64_t acked() const;

  // Reads the topic from the start and checks that every partition's numbers come in order, each
  // once.
  void StartReading(const std::string& topic, int partitions);
  // Waits until everything acknowledged was read.
  bool AwaitRead();

 private:
  struct Sending {
    std::string topic;
    int partitions = 0;
    int in_flight_limit = 0;
    bool on = false;
    int in_flight = 0;
    int64_t next = 0;
    int64_t acked = 0;
    std::map<int32_t, int64_t> next_number;    // by partition
    std::map<int32_t, int64_t> acked_numbers;  // by partition: all below were acknowledged
  };
  struct Reading {
    std::map<int32_t, int64_t> next_number;  // by partition
  };

  Shard& shard(int index) { return ports_->ports().shards->shard(index); }
  void SendMore();
  void OnAnswer(int32_t partition, int64_t number,
                const absl::StatusOr<producer::RecordMetadata>& answer);
  void ReadMore();
  template <class Request>
  absl::StatusOr<kafka::ResponseOf<Request>> Ask(const Request& request);

  static constexpr int kProducerShard = 0;
  static constexpr int kConsumerShard = 1;
  static constexpr int kAdminShard = 2;

  const std::vector<Endpoint> bootstrap_;
  std::unique_ptr<NativePorts> ports_;
  std::unique_ptr<producer::Producer> producer_;
  std::unique_ptr<consumer::Consumer> consumer_;
  std::unique_ptr<kafka::ClusterClient> admin_;
  Sending sending_;  // of the producer's shard
  Reading reading_;  // of the consumer's shard
};

}  // namespace soliton::native

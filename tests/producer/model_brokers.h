// A model of brokers as a producer meets them, for property tests of SenderCore: partitions with
// one true leader, logs with Kafka's idempotence rules, connections that break while requests are
// on their way (and may still be carried out later), leaders that change and drop what was not
// acknowledged. Everything is drawn from one seed.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "producer/sender_core.h"
#include "runtime/base/random.h"

namespace soliton::producer {

class ModelBrokers {
 public:
  struct Faults {
    int break_percent = 6;  // of steps: a connection breaks
    int leader_change_percent = 4;
    int refuse_percent = 10;  // of appends: NOT_ENOUGH_REPLICAS
    int doubt_percent = 10;   // of appends: appended, but an error is answered
    int late_percent = 50;    // of requests on a broken connection: carried out later
    bool unclean = false;     // leader changes may also drop acknowledged batches
  };

  ModelBrokers(int brokers, int partitions, bool idempotent, uint64_t seed);

  struct Entry {
    BatchId batch;
    ProducerIdentity producer;
    int32_t first_sequence;
    int32_t count;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  const std::vector<Entry>& log(PartitionIndex partition) const { return logs_[partition].entries; }
  kafka::PartitionLeader leader(PartitionIndex partition) const { return logs_[partition].leader; }

  void Send(const SendPlan& plan, const std::map<BatchId, int32_t>& counts);
  // One thing happens somewhere: a request is carried out, an answer arrives, a connection
  // breaks...
  void Step(SenderCore& sender, MonotonicTime now, const Faults& faults);
  // Requests of broken connections that no broker has seen yet are lost.
  void ForgetLateRequests() { late_.clear(); }
  bool quiet() const;

 private:
  struct Request {
    SendPlan plan;
    std::vector<int32_t> counts;
  };
  struct Answer {
    SendId send;
    std::vector<std::pair<PartitionIndex, BatchOutcome>> outcomes;
  };
  struct Connection {
    std::deque<Request> requests;
    std::deque<Answer> answers;
    std::deque<SendId> unanswered;
  };
  struct Log {
    kafka::PartitionLeader leader;
    std::vector<Entry> entries;
    size_t acknowledged = 0;  // entries that a leader change must keep
  };

  Answer CarryOut(const Request& request, int32_t broker, const Faults& faults);
  BatchOutcome Append(Log& log, const PlannedBatch& batch, int32_t count, const Faults& faults);
  // Kafka's check; NONE with `duplicate` for a batch that is among the last five.
  kafka::ErrorCode Check(const Log& log, const PlannedBatch& batch, int32_t count,
                         bool* duplicate) const;
  void Break(int32_t broker, SenderCore& sender, MonotonicTime now, const Faults& faults);
  void ChangeLeader(const Faults& faults);

  const bool idempotent_;
  Random random_;
  std::vector<Connection> connections_;
  std::vector<std::pair<int32_t, Request>> late_;
  std::vector<Log> logs_;
};

}  // namespace soliton::producer

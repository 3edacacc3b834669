// One client process that creates a topic, writes to it, reads it back, deletes it, and creates it
// again under the same name, over and over, by the calls that the admin tools use. The present
// topic holds no record that was acknowledged in an earlier one of the same name.
//
// Lives on its node; destroyed by a crash, and then begun anew by the next process, which goes on
// with what the topic is then.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "consumer/consumer.h"
#include "producer/producer.h"
#include "protocol/session/client_channel.h"
#include "tests/sim/checkers/observations.h"
#include "tests/sim/sim_node.h"

namespace soliton::sim {

class Workload;

// What outlives the processes: every topic of that name has a generation.
struct ChurnHistory {
  int64_t generation = 0;
  std::set<std::pair<int64_t, int64_t>> acked;  // (generation, number)
  std::set<int64_t> deleted;                    // generations whose topic is gone
  int64_t topics_made = 0;
  int64_t read_back = 0;
};

class ChurnProcess {
 public:
  ChurnProcess(Workload& workload, ChurnHistory& history, SimNode& node);

  static constexpr const char* kTopic = "churn";

 private:
  // The value of a record says which generation's it is.
  static PartitionName NameIn(int64_t generation);

  void Create();
  void Write();
  void ReadBack();
  void OnRecords();
  void Judge(int64_t offset, std::string_view value);
  void Delete();
  void Again(void (ChurnProcess::*step)(), Duration after);
  kafka::ClientChannel& NewChannel();

  Workload& workload_;
  ChurnHistory& history_;
  const Ports ports_;
  Shard& shard_;
  std::unique_ptr<kafka::ClientChannel> channel_;
  std::unique_ptr<producer::Producer> producer_;
  std::unique_ptr<consumer::Consumer> consumer_;
  int unanswered_ = 0;
  int64_t highest_acked_ = -1;  // offset
  uint64_t round_ = 0;          // timers of earlier rounds are void
};

}  // namespace soliton::sim

// Several runs one after the other, each on a topic of its own unless one is given, so that leaders
// are spread evenly and what is read back is one run's. Lives on one shard.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "bench/failover/cluster_admin.h"
#include "bench/failover/failover_data.h"
#include "bench/failover/failover_run.h"

namespace soliton::bench {

struct SeriesOptions {
  FailoverOptions run;  // its topic empty: one is made for every run, and deleted after it
  int32_t runs = 1;
  std::vector<ProxyRoute> proxies;  // opened for all runs
  int32_t partitions = 6;           // of topics that are made
  int32_t replication_factor = 3;
};

class FailoverSeries {
 public:
  struct Events {
    FailoverRun::Events run;
    std::function<void(const RunRecord&)> on_run;  // one has ended
  };
  // `data` may hold runs also where the status says why the next could not be carried out.
  using Done = absl::AnyInvocable<void(absl::Status, FailoverData)>;

  // `setup` is what of the data is known beforehand.
  FailoverSeries(const Ports& ports, Shard& shard, SeriesOptions options, FailoverSetup setup,
                 Events events);

  void Start(Done done);
  // What there is so far.
  const FailoverData& data() const { return data_; }

 private:
  void Next();
  void Run(const std::string& topic);
  void Learn(const ClusterView& view);
  void End(const absl::Status& status);

  const Ports ports_;
  Shard& shard_;
  const SeriesOptions options_;
  const Events events_;
  FailoverData data_;
  Done done_;
  std::unique_ptr<LinkProxy> proxy_;
  ClusterAdmin admin_;
  std::unique_ptr<FailoverRun> run_;
  Lifetime lifetime_;
};

}  // namespace soliton::bench

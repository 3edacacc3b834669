// The ends of one partition's batches, told in the order in which the batches were admitted. A
// batch may be found acknowledged before the one in front of it: both are in the log of a new
// leader, which still turned the first away when that was asked about. The application hears of it
// behind the other. Pure; one owner.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "producer/completion.h"
#include "runtime/base/check.h"

namespace soliton::producer {

class ReportOrder {
 public:
  void Add(BatchId batch) { entries_.push_back({batch, std::nullopt}); }

  // `completion` of a batch that was added and has not ended; appends to `out` whatever may be told
  // now.
  void End(Completion completion, std::vector<Completion>& out) {
    const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& e) { return e.batch == completion.batch; });
    CHECK(entry != entries_.end() && !entry->completion);
    entry->completion = std::move(completion);
    while (!entries_.empty() && entries_.front().completion) {
      out.push_back(*std::move(entries_.front().completion));
      entries_.pop_front();
    }
  }

  // Batches whose end has not been told.
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    BatchId batch = 0;
    std::optional<Completion> completion;
  };
  std::deque<Entry> entries_;
};

}  // namespace soliton::producer

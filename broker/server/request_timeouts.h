// When requests that wait for other brokers are given up. Thousands of them wait for the same time,
// and nearly all are answered long before it ends: those of one timeout stand in a line, the oldest
// first, and one timer of the shard looks at its head. So coming and going takes no timer. Owner
// shard only.
#pragma once

#include <list>
#include <map>
#include <memory>

#include "runtime/base/recycling_allocator.h"
#include "runtime/loop/shard.h"

namespace soliton::broker {

class TimedRequest {
 public:
  // Its place is no more: it must not be left.
  virtual void OnTimeout() = 0;

 protected:
  ~TimedRequest() = default;
};

class RequestTimeouts {
 private:
  struct Entry {
    MonotonicTime deadline;
    std::shared_ptr<TimedRequest> request;
  };
  struct Line;
  using Entries = std::list<Entry, RecyclingAllocator<Entry>>;

 public:
  explicit RequestTimeouts(Shard& shard) : shard_(shard) {}
  ~RequestTimeouts();
  RequestTimeouts(const RequestTimeouts&) = delete;
  RequestTimeouts& operator=(const RequestTimeouts&) = delete;

  class Place {
   public:
    bool taken() const { return line_ != nullptr; }

   private:
    friend class RequestTimeouts;
    Line* line_ = nullptr;
    Entries::iterator entry_;
  };

  // OnTimeout is called once, `timeout` from now, unless the place is left before; until then
  // `request` is kept alive.
  Place Enter(Duration timeout, std::shared_ptr<TimedRequest> request);
  // Nothing happens when there is no place.
  void Leave(Place& place);
  // Requests that wait.
  size_t size() const { return size_; }

 private:
  // Its deadlines ascend, since the clock does.
  struct Line {
    Duration timeout;
    Entries entries;
    TimerId timer = 0;
  };

  void OnTimer(Duration timeout);
  void Arm(Line& line);
  // The first of a line, if its time has come; nullptr otherwise.
  std::shared_ptr<TimedRequest> TakeDue(Duration timeout, MonotonicTime now);

  Shard& shard_;
  // A line in which nobody stands stays until its timer fires, unless there are many: clients
  // choose the timeouts.
  std::map<Duration, Line> lines_;
  size_t size_ = 0;
};

}  // namespace soliton::broker

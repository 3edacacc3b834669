// Calls of clients that wait for a controller while there is none: they go out in the order in
// which they came once one leads, and are given up after as long as an election and another may
// take. One that a controller refused because it leads no more waits again: nothing was done. One
// shard, as its owner.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "controller/client/control_channel.h"
#include "runtime/loop/shard.h"

namespace soliton::controller {

class PatientCalls {
 public:
  struct Line {
    std::function<bool()> up;  // a controller is there that this broker is registered with
    std::function<void(pb::ControlRequest, Duration, ControlChannel::ResponseHandler)> send;
    std::function<std::string()> last_asked;  // for whoever reads the error
  };

  PatientCalls(Shard& shard, Line line) : shard_(shard), line_(std::move(line)) {}
  ~PatientCalls() { shard_.CancelTimer(timer_); }
  PatientCalls(const PatientCalls&) = delete;
  PatientCalls& operator=(const PatientCalls&) = delete;

  // `done` is not called inside this call unless the line calls it there. kUnavailable: nothing was
  // done. `timeout` covers waiting and the call.
  void Call(pb::ControlRequest request, Duration timeout, ControlChannel::ResponseHandler done);
  // The line is up.
  void SendAll();

 private:
  struct Waiting {
    pb::ControlRequest request;
    MonotonicTime deadline;
    MonotonicTime patient_until;
    ControlChannel::ResponseHandler done;
  };

  void Send(Waiting call);
  void Wait(Waiting call);
  void Schedule();
  void Look();

  Shard& shard_;
  const Line line_;
  std::vector<Waiting> waiting_;  // in the order in which they came
  TimerId timer_ = 0;
};

}  // namespace soliton::controller

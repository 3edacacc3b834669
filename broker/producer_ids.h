// Producer ids for this broker's clients, from blocks that the controller grants. Lives on shard 0;
// asks for the next block when one runs out and lets requests wait for it.
#pragma once

#include <cstdint>
#include <deque>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "controller/client/controller_client.h"

namespace soliton::broker {

class ProducerIds {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<int64_t>)>;

  explicit ProducerIds(controller::ControllerClient& controller) : controller_(controller) {}

  void Next(Done done);

 private:
  void Refill();

  controller::ControllerClient& controller_;
  int64_t next_ = 0;
  int64_t end_ = 0;
  bool asking_ = false;
  std::deque<Done> waiting_;
};

}  // namespace soliton::broker

// Which controller a broker dials next: whom the last one named as leader, else one after the other
// of those that are known, from the settings and, once there is metadata, from who votes. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "runtime/loop/clock.h"
#include "runtime/net/transport.h"

namespace soliton::controller {

class ControllerChooser {
 public:
  // `configured`: at least one.
  explicit ControllerChooser(std::vector<Endpoint> configured);

  // Where those who vote are reached, by node id; port 0: not known. Configured ones that do not
  // vote (any more) come last from now on: they may still know who leads.
  void SetVoters(const std::map<int32_t, Endpoint>& voters);
  // The one that was asked says that this one leads.
  void Hint(const Endpoint& leader) { hint_ = leader; }
  // Whether to follow the hint at once. Controllers may point at each other for a moment, so not
  // for ever.
  bool TrustsHint();
  // A controller was found that leads.
  void Found() { hints_followed_ = 0; }
  // This one was just lost. Until then another one is chosen, as long as there is one: it may be
  // stopped and still take connections, and the others may not know yet that it leads no more.
  void Avoid(const Endpoint& lost, MonotonicTime until);

  Endpoint Next(MonotonicTime now);
  const std::vector<Endpoint>& known() const { return known_; }

 private:
  const std::vector<Endpoint> configured_;
  std::vector<Endpoint> known_;
  size_t next_ = 0;
  std::optional<Endpoint> hint_;
  int hints_followed_ = 0;  // since one was found
  Endpoint avoided_;
  MonotonicTime avoid_until_{};
};

}  // namespace soliton::controller

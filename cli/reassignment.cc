#include "cli/reassignment.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "cli/output.h"

namespace soliton::cli {
namespace {

namespace json = boost::json;

bool Contains(const std::vector<int32_t>& ids, int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

std::string Joined(const std::vector<int32_t>& ids) {
  return fmt::format("{}", fmt::join(ids, ","));
}

absl::StatusOr<int32_t> NumberIn(const json::value* value, std::string_view what) {
  const int64_t* number = value == nullptr ? nullptr : value->if_int64();
  if (number == nullptr || *number < 0 || *number > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError(fmt::format("\"{}\" is no number", what));
  }
  return static_cast<int32_t>(*number);
}

absl::StatusOr<Assignment> ParseEntry(const json::value& value) {
  const json::object* entry = value.if_object();
  if (entry == nullptr) return absl::InvalidArgumentError("no object");
  Assignment assignment;
  const json::value* topic = entry->if_contains("topic");
  if (topic == nullptr || !topic->is_string() || topic->get_string().empty()) {
    return absl::InvalidArgumentError("\"topic\" is no name");
  }
  assignment.topic = std::string(topic->get_string());
  const absl::StatusOr<int32_t> partition = NumberIn(entry->if_contains("partition"), "partition");
  if (!partition.ok()) return partition.status();
  assignment.partition = *partition;
  const json::value* replicas = entry->if_contains("replicas");
  if (replicas == nullptr || !replicas->is_array()) {
    return absl::InvalidArgumentError("\"replicas\" is no list");
  }
  for (const json::value& each : replicas->get_array()) {
    const absl::StatusOr<int32_t> replica = NumberIn(&each, "replicas");
    if (!replica.ok()) return replica.status();
    assignment.replicas.push_back(*replica);
  }
  return assignment;
}

const PartitionView* Find(const ClusterView& view, const std::string& name) {
  for (const PartitionView& each : view.partitions) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

bool HasTopic(const ClusterView& view, const std::string& topic) {
  return std::any_of(view.partitions.begin(), view.partitions.end(),
                     [&](const PartitionView& each) { return each.topic == topic; });
}

absl::Status NoBroker(const ClusterView& view, int32_t node_id) {
  std::string known;
  for (const auto& [id, node] : view.nodes) {
    if (node.broker) known += fmt::format("{}{}", known.empty() ? "" : ", ", id);
  }
  return absl::NotFoundError(fmt::format("there is no broker {}, but {}", node_id, known));
}

// The replicas with `first` at the front and `last` (when there) at the end.
std::vector<int32_t> Reordered(const std::vector<int32_t>& replicas, int32_t first, int32_t last) {
  std::vector<int32_t> order = {first};
  for (const int32_t each : replicas) {
    if (each != first && each != last) order.push_back(each);
  }
  if (last != first && Contains(replicas, last)) order.push_back(last);
  return order;
}

// Counts what was given to each broker while a plan is made.
class Spreader {
 public:
  Spreader(const ClusterView& view, const std::vector<int32_t>& brokers)
      : view_(view), brokers_(brokers) {}

  std::vector<int32_t> Place(const PartitionView& partition) {
    std::vector<int32_t> chosen;
    std::map<std::string, int> racks;
    while (chosen.size() < partition.replicas.size()) {
      const int32_t best = Best(chosen, [&](int32_t id) {
        return std::make_tuple(racks[RackOf(id)], replicas_[id], !Contains(partition.replicas, id),
                               id);
      });
      chosen.push_back(best);
      ++racks[RackOf(best)];
      ++replicas_[best];
    }
    // Who was preferred stays so, unless it is so for more partitions than others are.
    const int32_t preferred = partition.replicas.empty() ? -1 : partition.replicas.front();
    const auto leader = std::min_element(chosen.begin(), chosen.end(), [&](int32_t a, int32_t b) {
      return std::make_tuple(leads_[a], a != preferred, a) <
             std::make_tuple(leads_[b], b != preferred, b);
    });
    ++leads_[*leader];
    std::vector<int32_t> kept;
    for (const int32_t id : partition.replicas) {
      if (Contains(chosen, id)) kept.push_back(id);
    }
    for (const int32_t id : chosen) {
      if (!Contains(kept, id)) kept.push_back(id);
    }
    return Reordered(kept, *leader, -1);
  }

 private:
  template <typename Rank>
  int32_t Best(const std::vector<int32_t>& taken, Rank rank) const {
    int32_t best = -1;
    for (const int32_t id : brokers_) {
      if (!Contains(taken, id) && (best < 0 || rank(id) < rank(best))) best = id;
    }
    return best;
  }
  // Brokers without a rack are apart from each other.
  std::string RackOf(int32_t id) const {
    const auto found = view_.nodes.find(id);
    if (found == view_.nodes.end() || !found->second.rack.has_value()) {
      return fmt::format("\n{}", id);
    }
    return *found->second.rack;
  }

  const ClusterView& view_;
  const std::vector<int32_t>& brokers_;
  std::map<int32_t, int> replicas_;
  std::map<int32_t, int> leads_;
};

}  // namespace

bool Serves(const ClusterView& view, int32_t node_id) {
  const auto found = view.nodes.find(node_id);
  return found != view.nodes.end() && found->second.broker && !found->second.fenced;
}

std::string Assignment::name() const { return fmt::format("{}-{}", topic, partition); }

absl::StatusOr<std::vector<Assignment>> ParsePlan(std::string_view text) {
  json::error_code error;
  const json::value root = json::parse({text.data(), text.size()}, error);
  if (error) return absl::InvalidArgumentError(fmt::format("no JSON: {}", error.message()));
  const json::object* object = root.if_object();
  const json::value* list = object == nullptr ? nullptr : object->if_contains("partitions");
  if (list == nullptr || !list->is_array()) {
    return absl::InvalidArgumentError(
        "no list \"partitions\": expected {\"version\":1,\"partitions\":[{\"topic\":\"t\","
        "\"partition\":0,\"replicas\":[1,2,3]}]}");
  }
  const json::value* version = object->if_contains("version");
  if (version != nullptr && (!version->is_int64() || version->get_int64() != 1)) {
    return absl::InvalidArgumentError("only version 1 of the format is known");
  }
  std::vector<Assignment> plan;
  for (const json::value& each : list->get_array()) {
    absl::StatusOr<Assignment> assignment = ParseEntry(each);
    if (!assignment.ok()) {
      return absl::InvalidArgumentError(fmt::format("entry {} of \"partitions\": {}",
                                                    plan.size() + 1,
                                                    std::string(assignment.status().message())));
    }
    plan.push_back(*std::move(assignment));
  }
  if (plan.empty()) return absl::InvalidArgumentError("\"partitions\" is empty");
  return plan;
}

std::string PlanAsJson(const std::vector<Assignment>& plan) {
  std::string text = "{\"version\":1,\"partitions\":[";
  for (size_t i = 0; i < plan.size(); ++i) {
    text +=
        fmt::format("{}\n  {{\"topic\":{},\"partition\":{},\"replicas\":[{}]}}", i > 0 ? "," : "",
                    JsonQuote(plan[i].topic), plan[i].partition, Joined(plan[i].replicas));
  }
  return text + "\n]}\n";
}

absl::StatusOr<std::vector<Assignment>> CurrentAssignments(const ClusterView& view,
                                                           const std::vector<std::string>& topics) {
  for (const std::string& topic : topics) {
    if (!HasTopic(view, topic)) {
      return absl::NotFoundError(fmt::format("there is no topic '{}'", topic));
    }
  }
  std::vector<Assignment> current;
  for (const PartitionView& each : view.partitions) {
    if (!topics.empty() && std::find(topics.begin(), topics.end(), each.topic) == topics.end()) {
      continue;
    }
    current.push_back({each.topic, each.index, each.replicas});
  }
  return current;
}

absl::Status CheckPlan(const std::vector<Assignment>& plan, const ClusterView& view) {
  std::set<std::string> seen;
  for (const Assignment& each : plan) {
    const std::string name = each.name();
    if (Find(view, name) == nullptr) {
      return absl::NotFoundError(fmt::format("there is no partition {}", name));
    }
    if (!seen.insert(name).second) {
      return absl::InvalidArgumentError(fmt::format("{} is in the plan twice", name));
    }
    if (each.replicas.empty()) {
      return absl::InvalidArgumentError(fmt::format("{} has no replicas", name));
    }
    std::set<int32_t> ids;
    for (const int32_t replica : each.replicas) {
      if (!ids.insert(replica).second) {
        return absl::InvalidArgumentError(
            fmt::format("{} has broker {} as a replica twice", name, replica));
      }
      const auto node = view.nodes.find(replica);
      if (node == view.nodes.end() || !node->second.broker) {
        return absl::NotFoundError(
            fmt::format("{}: {}", name, std::string(NoBroker(view, replica).message())));
      }
    }
  }
  return absl::OkStatus();
}

std::string ReplicaMove::ChangeText() const {
  if (adding.empty() && removing.empty()) return "order only";
  std::string text = adding.empty() ? "" : "adds " + Joined(adding);
  if (!removing.empty()) text += (text.empty() ? "removes " : ", removes ") + Joined(removing);
  return text;
}

std::vector<ReplicaMove> MovesOf(const std::vector<Assignment>& plan, const ClusterView& view) {
  std::vector<ReplicaMove> moves;
  for (const Assignment& each : plan) {
    const PartitionView* now = Find(view, each.name());
    if (now == nullptr || now->replicas == each.replicas) continue;
    ReplicaMove move{each, now->replicas, {}, {}};
    for (const int32_t id : each.replicas) {
      if (!Contains(now->replicas, id)) move.adding.push_back(id);
    }
    for (const int32_t id : now->replicas) {
      if (!Contains(each.replicas, id)) move.removing.push_back(id);
    }
    moves.push_back(std::move(move));
  }
  return moves;
}

absl::StatusOr<std::vector<Assignment>> SpreadOver(const ClusterView& view,
                                                   const std::vector<std::string>& topics,
                                                   const std::vector<int32_t>& brokers) {
  for (const int32_t broker : brokers) {
    const auto found = view.nodes.find(broker);
    if (found == view.nodes.end() || !found->second.broker) return NoBroker(view, broker);
  }
  absl::StatusOr<std::vector<Assignment>> plan = CurrentAssignments(view, topics);
  if (!plan.ok()) return plan.status();
  Spreader spreader(view, brokers);
  for (Assignment& each : *plan) {
    const PartitionView* now = Find(view, each.name());
    if (now->replicas.size() > brokers.size()) {
      return absl::InvalidArgumentError(fmt::format(
          "{} has {} replicas, and these are only {}", each.name(), now->replicas.size(),
          Counted(static_cast<int64_t>(brokers.size()), "broker")));
    }
    each.replicas = spreader.Place(*now);
  }
  return plan;
}

LeaderPlan PlanDrain(const ClusterView& view, int32_t node) {
  LeaderPlan plan;
  std::map<int32_t, int64_t> leads;
  for (const auto& [node_id, each] : view.nodes) leads[node_id] = each.leads;
  for (const PartitionView& partition : view.partitions) {
    if (partition.leader_id != node) continue;
    int32_t best = -1;
    for (const int32_t id : partition.replicas) {
      if (id == node || !Contains(partition.isr, id) || !Serves(view, id)) continue;
      if (best < 0 || leads[id] < leads[best]) best = id;
    }
    if (best < 0) {
      plan.stuck.push_back(fmt::format("{}: no other replica is in sync (replicas {}, in sync {})",
                                       partition.name, Joined(partition.replicas),
                                       Joined(partition.isr)));
      continue;
    }
    ++leads[best];
    plan.moves.push_back({partition, best, Reordered(partition.replicas, best, node)});
  }
  return plan;
}

absl::StatusOr<LeaderPlan> PlanReturn(const ClusterView& view, int32_t node) {
  if (!Serves(view, node)) {
    return absl::FailedPreconditionError(
        fmt::format("node {} is fenced: it must run before it can lead", node));
  }
  std::map<int32_t, int64_t> leads;
  for (const auto& [node_id, each] : view.nodes) leads[node_id] = each.leads;
  LeaderPlan plan;
  std::vector<const PartitionView*> candidates;
  std::vector<const PartitionView*> behind;
  for (const PartitionView& partition : view.partitions) {
    if (partition.leader_id == node || !Contains(partition.replicas, node)) continue;
    (Contains(partition.isr, node) ? candidates : behind).push_back(&partition);
  }
  const auto has_more = [&](const PartitionView* partition) {
    return partition->leader_id < 0 || leads[partition->leader_id] > leads[node] + 1;
  };
  while (true) {
    const auto next = std::max_element(candidates.begin(), candidates.end(),
                                       [&](const PartitionView* a, const PartitionView* b) {
                                         return leads[a->leader_id] < leads[b->leader_id];
                                       });
    if (next == candidates.end() || !has_more(*next)) break;
    --leads[(*next)->leader_id];
    ++leads[node];
    plan.moves.push_back({**next, node, Reordered((*next)->replicas, node, -1)});
    candidates.erase(next);
  }
  for (const PartitionView* partition : behind) {
    if (!has_more(partition)) continue;
    plan.stuck.push_back(fmt::format("{}: node {} is not in sync (in sync {})", partition->name,
                                     node, Joined(partition->isr)));
  }
  return plan;
}

absl::StatusOr<LeaderPlan> PlanLeaders(const ClusterView& view, const std::string& topic,
                                       const std::vector<int32_t>& partitions, int32_t to) {
  if (!HasTopic(view, topic)) {
    return absl::NotFoundError(fmt::format("there is no topic '{}'", topic));
  }
  for (const int32_t index : partitions) {
    const std::string name = Assignment{topic, index, {}}.name();
    if (Find(view, name) == nullptr) {
      return absl::NotFoundError(fmt::format("there is no partition {}", name));
    }
  }
  if (to >= 0) {
    const auto node = view.nodes.find(to);
    if (node == view.nodes.end() || !node->second.broker) return NoBroker(view, to);
  }
  LeaderPlan plan;
  for (const PartitionView& partition : view.partitions) {
    if (partition.topic != topic) continue;
    if (!partitions.empty() && !Contains(partitions, partition.index)) continue;
    const int32_t target = to < 0 ? partition.replicas.front() : to;
    if (partition.leader_id == target && partition.replicas.front() == target) continue;
    if (!Contains(partition.replicas, target)) {
      plan.stuck.push_back(fmt::format("{}: node {} has no replica (replicas {})", partition.name,
                                       target, Joined(partition.replicas)));
    } else if (!Contains(partition.isr, target)) {
      plan.stuck.push_back(fmt::format("{}: node {} is not in sync (in sync {})", partition.name,
                                       target, Joined(partition.isr)));
    } else {
      plan.moves.push_back({partition, target, Reordered(partition.replicas, target, -1)});
    }
  }
  return plan;
}

}  // namespace soliton::cli

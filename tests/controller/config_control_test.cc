#include "controller/core/config_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/topic_config.h"
#include "controller/core/setting_changes.h"
#include "tests/controller/core_harness.h"

namespace soliton::controller {
namespace {

using kafka::ErrorCode;
using ::testing::HasSubstr;
using Settings = std::map<std::string, std::string>;
using Operation = pb::SettingChange;

struct Change {
  std::string name;
  int operation = Operation::SET;
  std::optional<std::string> value;
};

pb::ResourceChange Resource(int32_t type, const std::string& name,
                            const std::vector<Change>& changes, bool replace = false) {
  pb::ResourceChange resource;
  resource.set_type(type);
  resource.set_name(name);
  resource.set_replace(replace);
  for (const Change& change : changes) {
    pb::SettingChange* out = resource.add_changes();
    out->set_name(change.name);
    out->set_operation(change.operation);
    if (change.value) out->set_value(*change.value);
  }
  return resource;
}

class ConfigControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int id = 1; id <= 3; ++id) harness_.Join(id);
    topic_ = harness_.CreateAssigned("t", {{1, 2, 3}});
  }
  std::vector<pb::ResourceResult> Alter(const std::vector<pb::ResourceChange>& resources,
                                        bool validate_only = false) {
    pb::ControlRequest request;
    request.mutable_alter_configs()->set_validate_only(validate_only);
    for (const pb::ResourceChange& resource : resources) {
      *request.mutable_alter_configs()->add_resources() = resource;
    }
    const pb::ControlResponse response = harness_.Handle(request);
    const auto& results = response.alter_configs().results();
    return {results.begin(), results.end()};
  }
  ErrorCode Error(const pb::ResourceChange& resource) {
    last_ = Alter({resource}).front();
    return ErrorFromPb(last_.error());
  }
  ErrorCode OnTopic(const std::vector<Change>& changes) {
    return Error(Resource(kTopicResource, "t", changes));
  }
  const Settings& OfTopic() { return harness_.image().FindTopic("t")->configs; }
  const Settings& OfBrokers(int32_t id = kEveryBroker) {
    return harness_.image().BrokerConfigs(id);
  }

  CoreHarness harness_;
  Uuid topic_;
  pb::ResourceResult last_;
};

TEST_F(ConfigControlTest, SetDeleteAppendSubtract) {
  EXPECT_EQ(
      OnTopic({{"retention.ms", Operation::SET, "5000"}, {"segment.ms", Operation::SET, "60000"}}),
      ErrorCode::NONE);
  EXPECT_EQ(OfTopic(), (Settings{{"retention.ms", "5000"}, {"segment.ms", "60000"}}));
  EXPECT_EQ(OnTopic({{"segment.ms", Operation::DELETE, {}}}), ErrorCode::NONE);
  EXPECT_EQ(OnTopic({{"cleanup.policy", Operation::APPEND, "compact"}}), ErrorCode::NONE);
  EXPECT_EQ(OfTopic().at("cleanup.policy"), "delete,compact") << "appended to the default";
  EXPECT_EQ(OnTopic({{"cleanup.policy", Operation::APPEND, "compact,delete"}}), ErrorCode::NONE);
  EXPECT_EQ(OfTopic().at("cleanup.policy"), "delete,compact") << "no word twice";
  EXPECT_EQ(OnTopic({{"cleanup.policy", Operation::SUBTRACT, "delete"}}), ErrorCode::NONE);
  EXPECT_EQ(OfTopic().at("cleanup.policy"), "compact");
  EXPECT_EQ(OnTopic({{"cleanup.policy", Operation::SUBTRACT, "compact"}}), ErrorCode::NONE);
  EXPECT_EQ(OfTopic().at("cleanup.policy"), "") << "no policy: everything is kept";
  EXPECT_EQ(OnTopic({{"cleanup.policy", Operation::SUBTRACT, "compact"}}), ErrorCode::NONE);
  EXPECT_EQ(OnTopic({{"nobody.knows.this", Operation::DELETE, {}}}), ErrorCode::NONE);
}

TEST_F(ConfigControlTest, WhatIsAlreadySoIsNotWrittenAgain) {
  EXPECT_EQ(OnTopic({{"retention.ms", Operation::SET, "5000"}}), ErrorCode::NONE);
  EXPECT_EQ(harness_.last().records.size(), 1u);
  EXPECT_EQ(OnTopic({{"retention.ms", Operation::SET, "5000"}}), ErrorCode::NONE);
  EXPECT_TRUE(harness_.last().records.empty());
}

TEST_F(ConfigControlTest, BadTopicSettingsChangeNothing) {
  struct Case {
    Change change;
    ErrorCode error;
    const char* message;
  };
  const std::vector<Case> cases = {
      {{"retention.mss", Operation::SET, "1"}, ErrorCode::INVALID_CONFIG, "retention.mss"},
      {{"retention.ms", Operation::SET, "x"}, ErrorCode::INVALID_CONFIG, "type LONG"},
      {{"retention.ms", Operation::SET, "-2"}, ErrorCode::INVALID_CONFIG, "at least -1"},
      {{"retention.ms", Operation::SET, "7d"}, ErrorCode::INVALID_CONFIG, "retention.ms"},
      {{"segment.bytes", Operation::SET, "10"}, ErrorCode::INVALID_CONFIG, "at least 1048576"},
      {{"max.message.bytes", Operation::SET, "9999999999"}, ErrorCode::INVALID_CONFIG, "INT"},
      {{"cleanup.policy", Operation::APPEND, "zap"}, ErrorCode::INVALID_CONFIG, "delete"},
      {{"compression.type", Operation::SET, "zip"}, ErrorCode::INVALID_CONFIG, "zstd"},
      {{"preallocate", Operation::SET, "maybe"}, ErrorCode::INVALID_CONFIG, "true or false"},
      {{"remote.storage.enable", Operation::SET, "true"}, ErrorCode::INVALID_CONFIG, "tiered"},
      {{"retention.ms", Operation::APPEND, "1"}, ErrorCode::INVALID_CONFIG, "not LIST"},
      {{"retention.ms", Operation::SET, {}}, ErrorCode::INVALID_REQUEST, "Null value"},
      {{"cleanup.policy", Operation::APPEND, {}}, ErrorCode::INVALID_REQUEST, "Null value"},
      {{"retention.ms", 9, "1"}, ErrorCode::INVALID_REQUEST, "operation 9"},
      {{"leader.replication.throttled.replicas", Operation::SET, std::string(40000, 'x')},
       ErrorCode::INVALID_CONFIG,
       "at most 32767 bytes"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(OnTopic({{"flush.ms", Operation::SET, "77"}, c.change}), c.error) << c.change.name;
    EXPECT_THAT(last_.error_message(), HasSubstr(c.message));
    EXPECT_TRUE(OfTopic().empty()) << "a resource changes as a whole or not at all";
  }
  EXPECT_EQ(
      OnTopic({{"retention.ms", Operation::SET, "1"}, {"retention.ms", Operation::DELETE, {}}}),
      ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(OnTopic({{"min.compaction.lag.ms", Operation::SET, "10"},
                     {"max.compaction.lag.ms", Operation::SET, "5"}}),
            ErrorCode::INVALID_CONFIG);
}

TEST_F(ConfigControlTest, Resources) {
  const std::vector<Change> change = {{"retention.ms", Operation::SET, "1"}};
  EXPECT_EQ(Error(Resource(kTopicResource, "nope", change)), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(Error(Resource(kTopicResource, "a/b", change)), ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(Error(Resource(kTopicResource, "", change)), ErrorCode::INVALID_REQUEST);
  for (const int type : {-1, 0, 1, 3, 8, 16, 32, 99}) {
    EXPECT_EQ(Error(Resource(type, "t", change)), ErrorCode::INVALID_REQUEST) << type;
    EXPECT_THAT(last_.error_message(), HasSubstr("resource type"));
  }
  EXPECT_EQ(Error(Resource(kTopicResource, "t", {})), ErrorCode::NONE);
  const auto results =
      Alter({Resource(kTopicResource, "t", change), Resource(kTopicResource, "nope", change),
             Resource(kTopicResource, "t", change)});
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(ErrorFromPb(results[0].error()), ErrorCode::INVALID_REQUEST) << "named twice";
  EXPECT_EQ(ErrorFromPb(results[1].error()), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
  EXPECT_EQ(ErrorFromPb(results[2].error()), ErrorCode::INVALID_REQUEST);
  EXPECT_TRUE(OfTopic().empty());
  // The bad one does not stop the good one.
  const auto mixed =
      Alter({Resource(kTopicResource, "nope", change), Resource(kTopicResource, "t", change)});
  EXPECT_EQ(mixed[1].error(), 0);
  EXPECT_EQ(OfTopic().at("retention.ms"), "1");
}

TEST_F(ConfigControlTest, ReplaceForgetsWhatIsNotNamed) {
  EXPECT_EQ(OnTopic({{"retention.ms", Operation::SET, "1"}, {"segment.ms", Operation::SET, "2"}}),
            ErrorCode::NONE);
  EXPECT_EQ(Error(Resource(kTopicResource, "t", {{"flush.ms", Operation::SET, "3"}}, true)),
            ErrorCode::NONE);
  EXPECT_EQ(OfTopic(), (Settings{{"flush.ms", "3"}}));
  EXPECT_EQ(Error(Resource(kTopicResource, "t", {}, true)), ErrorCode::NONE);
  EXPECT_TRUE(OfTopic().empty());
}

TEST_F(ConfigControlTest, ValidateOnlyJudgesAndChangesNothing) {
  const auto results =
      Alter({Resource(kTopicResource, "t", {{"retention.ms", Operation::SET, "1"}}),
             Resource(kBrokerResource, "", {{"log.retention.ms", Operation::SET, "x"}})},
            true);
  EXPECT_EQ(results[0].error(), 0);
  EXPECT_NE(results[1].error(), 0);
  EXPECT_TRUE(harness_.last().records.empty());
}

TEST_F(ConfigControlTest, Brokers) {
  EXPECT_EQ(Error(Resource(kBrokerResource, "", {{"log.retention.ms", Operation::SET, "9"}})),
            ErrorCode::NONE);
  EXPECT_EQ(Error(Resource(kBrokerResource, "2", {{"log.retention.ms", Operation::SET, "8"}})),
            ErrorCode::NONE);
  EXPECT_EQ(OfBrokers(), (Settings{{"log.retention.ms", "9"}}));
  EXPECT_EQ(OfBrokers(2), (Settings{{"log.retention.ms", "8"}}));
  EXPECT_TRUE(OfBrokers(1).empty());
  EXPECT_EQ(Error(Resource(kBrokerResource, "2", {{"log.retention.ms", Operation::DELETE, {}}})),
            ErrorCode::NONE);
  EXPECT_FALSE(harness_.image().broker_configs.contains(2));

  struct Case {
    const char* broker;
    const char* name;
    const char* value;
    const char* message;
  };
  for (const Case& c : std::vector<Case>{
           {"9", "log.retention.ms", "1", "No broker 9"},
           {"-1", "log.retention.ms", "1", "No broker -1"},
           {"two", "log.retention.ms", "1", "integer"},
           {"", "num.partitions", "3", "dynamically: [num.partitions]"},
           {"", "log.retention.hours", "3", "set log.retention.ms instead"},
           {"", "log.retention.msec", "3", "did you mean 'log.retention.ms'"},
           {"", "log.segment.bytes", "1", "at least 1048576"},
       }) {
    EXPECT_EQ(Error(Resource(kBrokerResource, c.broker, {{c.name, Operation::SET, c.value}})),
              ErrorCode::INVALID_REQUEST)
        << c.name;
    EXPECT_THAT(last_.error_message(), HasSubstr(c.message));
  }
  EXPECT_EQ(Error(Resource(kBrokerResource, "1", {{"min.insync.replicas", Operation::SET, "2"}})),
            ErrorCode::INVALID_CONFIG)
      << "all must judge eligible leaders alike";
}

// ---- what a change means for partitions ----

class ConfigElectionTest : public ConfigControlTest {
 protected:
  // ISR {1}, ELR {2, 3}, minimum 3; then the leader goes, too.
  void SetUp() override {
    ConfigControlTest::SetUp();
    harness_.Alter(kTopicResource, "t", {{"min.insync.replicas", "3"}});
    harness_.Kill(3);
    harness_.Kill(2);
    ASSERT_EQ(Partition().isr, (std::vector<int32_t>{1}));
    ASSERT_EQ(Partition().eligible_leaders, (std::vector<int32_t>{2, 3}));
  }
  const PartitionInfo& Partition() { return harness_.Partition(topic_); }
};

TEST_F(ConfigElectionTest, TheElrStaysWhileTheIsrIsTooSmall) {
  const PartitionInfo before = Partition();
  EXPECT_EQ(OnTopic({{"min.insync.replicas", Operation::SET, "2"}}), ErrorCode::NONE);
  EXPECT_EQ(Partition(), before);
  EXPECT_EQ(OnTopic({{"min.insync.replicas", Operation::SET, "3"}}), ErrorCode::NONE);
  EXPECT_EQ(Partition(), before);
}

// What seed 700757 of the simulator lost: the minimum changes while only one is in sync, and that
// one comes back with an empty disk. Those that left before it have everything.
TEST_F(ConfigElectionTest, TheElrLeadsWhenTheLastInSyncOneLostItsDisk) {
  EXPECT_EQ(OnTopic({{"min.insync.replicas", Operation::SET, "2"}}), ErrorCode::NONE);
  harness_.Kill(1);
  ASSERT_EQ(Partition().leader, kNoLeader);
  harness_.Join(1, 2);
  ASSERT_EQ(Partition().leader, kNoLeader) << "1 lost its disk, 2 and 3 are away";
  EXPECT_EQ(Partition().isr, (std::vector<int32_t>{2, 3}));
  harness_.Join(2, 2, harness_.EpochOf(2));
  EXPECT_EQ(Partition().leader, 2);
}

TEST_F(ConfigElectionTest, AMinimumThatIsMetClearsTheElr) {
  const PartitionInfo before = Partition();
  EXPECT_EQ(OnTopic({{"min.insync.replicas", Operation::SET, "1"}}), ErrorCode::NONE);
  EXPECT_TRUE(Partition().eligible_leaders.empty());
  EXPECT_EQ(Partition().partition_epoch, before.partition_epoch + 1);
  EXPECT_EQ(Partition().leader_epoch, before.leader_epoch);
  EXPECT_EQ(Partition().leader, 1);
}

TEST_F(ConfigElectionTest, ADefaultForAllBrokersCountsWhereTheTopicSaysNothing) {
  EXPECT_EQ(Error(Resource(kBrokerResource, "", {{"min.insync.replicas", Operation::SET, "3"}})),
            ErrorCode::NONE);
  EXPECT_FALSE(Partition().eligible_leaders.empty()) << "the topic has its own";
  EXPECT_EQ(OnTopic({{"min.insync.replicas", Operation::DELETE, {}}}), ErrorCode::NONE);
  EXPECT_FALSE(Partition().eligible_leaders.empty()) << "3 as before";
  EXPECT_EQ(Error(Resource(kBrokerResource, "", {{"min.insync.replicas", Operation::SET, "2"}})),
            ErrorCode::NONE);
  EXPECT_FALSE(Partition().eligible_leaders.empty()) << "one in sync is too few for 2 as well";
  EXPECT_EQ(Error(Resource(kBrokerResource, "", {{"min.insync.replicas", Operation::SET, "1"}})),
            ErrorCode::NONE);
  EXPECT_TRUE(Partition().eligible_leaders.empty());
}

TEST_F(ConfigElectionTest, AMinimumAboveTheReplicationFactorIsTheSameMinimum) {
  EXPECT_EQ(OnTopic({{"min.insync.replicas", Operation::SET, "7"}}), ErrorCode::NONE);
  EXPECT_EQ(Partition().eligible_leaders, (std::vector<int32_t>{2, 3}));
}

TEST_F(ConfigElectionTest, UncleanElectionHappensOnceItIsAllowed) {
  EXPECT_EQ(OnTopic({{"min.insync.replicas", Operation::SET, "1"}}), ErrorCode::NONE);
  harness_.Kill(1);
  ASSERT_EQ(Partition().leader, kNoLeader);
  harness_.Join(2, 2);
  ASSERT_EQ(Partition().leader, kNoLeader);
  EXPECT_EQ(OnTopic({{"unclean.leader.election.enable", Operation::SET, "true"}}), ErrorCode::NONE);
  EXPECT_EQ(Partition().leader, 2);
  ASSERT_EQ(harness_.last().leader_changes.size(), 1u);
  EXPECT_EQ(harness_.last().leader_changes[0].election, ElectionKind::kUnclean);
}

// ---- against a model ----

// Random changes of one topic: what the controller holds is what a map holds that changes only when
// the answer says so, and every value that is held is valid.
TEST_F(ConfigControlTest, BehavesAsAMap) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> names = {
      {"retention.ms", {"-1", "0", "100", "x", "-7"}},
      {"segment.bytes", {"1048576", "1", "2000000"}},
      {"cleanup.policy", {"compact", "delete", "compact,delete", "", "zap"}},
      {"leader.replication.throttled.replicas", {"0:1", "0:1,1:1", "*", ""}},
      {"no.such.setting", {"1"}},
  };
  Random random(5);
  Settings model;
  int accepted = 0;
  for (int round = 0; round < 5000; ++round) {
    std::vector<Change> changes;
    for (uint64_t n = random.Between(1, 3); n > 0; --n) {
      const auto& [name, values] = names[random.Below(names.size())];
      Change change{name, static_cast<int>(random.Below(4)), values[random.Below(values.size())]};
      if (random.Chance(1, 20)) change.value.reset();
      changes.push_back(change);
    }
    const bool replace = random.Chance(1, 10);
    const pb::ResourceChange resource = Resource(kTopicResource, "t", changes, replace);
    if (Error(resource) == ErrorCode::NONE) {
      ++accepted;
      if (replace) model.clear();
      for (const Change& change : changes) {
        std::string& held = model[change.name];
        if (change.operation == Operation::DELETE) {
          model.erase(change.name);
        } else if (change.operation == Operation::SET) {
          held = *change.value;
        } else {
          held = OfTopic().at(change.name);  // lists are judged by their own tests
        }
      }
    }
    ASSERT_EQ(OfTopic(), model) << "round " << round;
    ASSERT_TRUE(config::ValidateTopicConfigs(OfTopic()).ok());
  }
  EXPECT_GT(accepted, 1000);
}

// Appending and subtracting are those of a set that keeps its order.
TEST(SettingChangesTest, ListsBehaveAsOrderedSets) {
  Random random(6);
  Settings current;
  std::vector<std::string> model;
  const char* const kName = "follower.replication.throttled.replicas";
  for (int round = 0; round < 3000; ++round) {
    const bool append = random.Chance(1, 2);
    std::string words;
    for (uint64_t n = random.Between(0, 3); n > 0; --n) {
      const std::string word = fmt::format("{}:{}", random.Below(4), random.Below(3));
      words += (words.empty() ? "" : ",") + word;
      std::erase_if(model, [&](const std::string& known) { return !append && known == word; });
      if (append && std::find(model.begin(), model.end(), word) == model.end()) {
        model.push_back(word);
      }
    }
    const ChangedSettings changed =
        ApplyChanges(current,
                     Resource(kTopicResource, "t",
                              {{kName, append ? Operation::APPEND : Operation::SUBTRACT, words}}),
                     config::kTopicScope);
    ASSERT_EQ(changed.error, ErrorCode::NONE);
    current = changed.next;
    ASSERT_EQ(current.at(kName), fmt::format("{}", fmt::join(model, ",")));
  }
}

}  // namespace
}  // namespace soliton::controller

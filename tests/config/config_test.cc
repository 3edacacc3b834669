// From sources to a checked Config: messages, precedence, spellings, origins.
#include "config/config.h"

#include <gtest/gtest.h>

#include "config/load_config.h"

namespace soliton::config {
namespace {

struct Loaded {
  Config config;
  Diagnostics diagnostics;
  ConfigSources sources;
};

Loaded Load(ConfigSources sources) {
  Diagnostics diagnostics;
  Config config = LoadConfig(kNodeScopes, sources, diagnostics);
  return {std::move(config), std::move(diagnostics), std::move(sources)};
}

Loaded LoadToml(std::string text) {
  return Load({.file_name = "broker.toml", .file_text = std::move(text)});
}

struct BadInput {
  const char* text;
  const char* rendered;
};

TEST(Config, MessagesForBadToml) {
  const BadInput kInputs[] = {
      {"log.retention.hour = \"7d\"\n",
       "error: unknown setting 'log.retention.hour'\n"
       "  at: broker.toml:1:1\n"
       "    1 | log.retention.hour = \"7d\"\n"
       "      | ^^^^^^^^^^^^^^^^^^ did you mean 'log.retention.hours' or 'log.retention.ms'?\n"},
      {"[log]\n  retention.ms = \"7 days\"\n",
       "error: bad value '7 days' for 'log.retention.ms'\n"
       "  at: broker.toml:2:18\n"
       "    2 |   retention.ms = \"7 days\"\n"
       "      |                  ^^^^^^^^ expected a duration such as 500ms, 30s, 15m, 12h or 7d "
       "(units: ns us ms s m h d w)\n"},
      {"num.partitions = 0\n",
       "error: bad value '0' for 'num.partitions'\n"
       "  at: broker.toml:1:18\n"
       "    1 | num.partitions = 0\n"
       "      |                  ^ expected a whole number, 1 to 100000\n"},
      {"num.partitions = \"6\"\n",
       "error: bad value '6' for 'num.partitions'\n"
       "  at: broker.toml:1:18\n"
       "    1 | num.partitions = \"6\"\n"
       "      |                  ^^^ expected a number: write 6 without quotes\n"},
      {"message.max.bytes = \"1 parsec\"\n",
       "error: bad value '1 parsec' for 'message.max.bytes'\n"
       "  at: broker.toml:1:21\n"
       "    1 | message.max.bytes = \"1 parsec\"\n"
       "      |                     ^^^^^^^^^^ expected a size such as 4096, 64KiB, 10MiB or 1GiB "
       "(KiB MiB GiB TiB, or kB MB GB TB)\n"},
      {"num.partitions = 1.5\n",
       "error: bad value '1.5' for 'num.partitions'\n"
       "  at: broker.toml:1:18\n"
       "    1 | num.partitions = 1.5\n"
       "      |                  ^^^ expected a whole number, 1 to 100000, found a number with a "
       "fraction\n"},
      {"auto.create.topics.enable = 1\n",
       "error: bad value '1' for 'auto.create.topics.enable'\n"
       "  at: broker.toml:1:29\n"
       "    1 | auto.create.topics.enable = 1\n"
       "      |                             ^ expected true or false, found a number\n"},
      {"durability = \"flsh\"\n",
       "error: bad value 'flsh' for 'durability'\n"
       "  at: broker.toml:1:14\n"
       "    1 | durability = \"flsh\"\n"
       "      |              ^^^^^^ expected one of flush, page-cache; did you mean 'flush'?\n"},
      {"process.roles = \"brokr\"\n",
       "error: bad value 'brokr' for 'process.roles'\n"
       "  at: broker.toml:1:17\n"
       "    1 | process.roles = \"brokr\"\n"
       "      |                 ^^^^^^^ expected any of broker, controller; did you mean "
       "'broker'?\n"},
      {"listeners = \"PLAINTEXT://h\"\n",
       "error: bad value 'PLAINTEXT://h' for 'listeners'\n"
       "  at: broker.toml:1:13\n"
       "    1 | listeners = \"PLAINTEXT://h\"\n"
       "      |             ^^^^^^^^^^^^^^^ expected NAME://host:port in 'PLAINTEXT://h'\n"},
      {"controller.quorum.bootstrap.servers = [\"a:1\", \"b\"]\n",
       "error: bad value 'a:1,b' for 'controller.quorum.bootstrap.servers'\n"
       "  at: broker.toml:1:39\n"
       "    1 | controller.quorum.bootstrap.servers = [\"a:1\", \"b\"]\n"
       "      |                                       ^^^^^^^^^^^^ expected host:port in 'b'\n"},
      {"retention.ms = 1000\n",
       "error: unknown setting 'retention.ms'\n"
       "  at: broker.toml:1:1\n"
       "    1 | retention.ms = 1000\n"
       "      | ^^^^^^^^^^^^ a setting of topics; the default for all of them is "
       "'log.retention.ms'\n"},
      {"zookeeper.connect = \"zk:2181\"\n",
       "error: 'zookeeper.connect' is not supported\n"
       "  at: broker.toml:1:1\n"
       "    1 | zookeeper.connect = \"zk:2181\"\n"
       "      | ^^^^^^^^^^^^^^^^^ metadata is kept by a controller, not by ZooKeeper: set "
       "controller.quorum.bootstrap.servers\n"},
      {"delete.topic.enable = false\n",
       "error: 'delete.topic.enable' is not supported\n"
       "  at: broker.toml:1:1\n"
       "    1 | delete.topic.enable = false\n"
       "      | ^^^^^^^^^^^^^^^^^^^ topics can always be deleted so far\n"},
      {"num.io.threads = 8\n",
       "warning: 'num.io.threads' is accepted but has no effect\n"
       "  at: broker.toml:1:1   a few event-loop threads do all work; see `shards`\n"},
      {"node.id = 99999999999\n",
       "error: bad value '99999999999' for 'node.id'\n"
       "  at: broker.toml:1:11\n"
       "    1 | node.id = 99999999999\n"
       "      |           ^^^^^^^^^^^ expected a whole number, 0 to 2147483647\n"},
      {"log.retention.hours = \"90m\"\n",
       "error: bad value '90m' for 'log.retention.hours'\n"
       "  at: broker.toml:1:23\n"
       "    1 | log.retention.hours = \"90m\"\n"
       "      |                       ^^^^^ expected a whole number of hours\n"},
  };
  for (const BadInput& input : kInputs) {
    EXPECT_EQ(LoadToml(input.text).diagnostics.Render(), input.rendered) << input.text;
  }
}

TEST(Config, CollectsEveryErrorAndKeepsDefaults) {
  const Loaded loaded = LoadToml("nodeid = 1\nnum.partitions = 0\ndurability = 3\n");
  EXPECT_EQ(loaded.diagnostics.error_count(), 3);
  EXPECT_EQ(loaded.config.GetInteger("num.partitions"), 1);
  EXPECT_TRUE(loaded.config.Rejected("num.partitions"));
  EXPECT_FALSE(loaded.config.Given("num.partitions"));
}

TEST(Config, ErrorsBeforeWarnings) {
  const std::string text = LoadToml("num.io.threads = 8\nnodeid = 1\n").diagnostics.Render();
  EXPECT_LT(text.find("error:"), text.find("warning:"));
}

TEST(Config, UnitsInTomlAndPlainNumbersInProperties) {
  const Loaded toml =
      LoadToml("log.retention.ms = \"7d\"\nlog.segment.bytes = \"64MiB\"\nlog.roll.ms = 3600000\n");
  EXPECT_EQ(toml.diagnostics.Render(), "");
  EXPECT_EQ(toml.config.GetInteger("log.retention.ms"), 604800000);
  EXPECT_EQ(toml.config.GetInteger("log.segment.bytes"), 64 << 20);
  EXPECT_EQ(toml.config.GetInteger("log.roll.ms"), 3600000);

  const Loaded properties = Load({.file_name = "server.properties",
                                  .file_text = "log.retention.ms=1000\nauto.create.topics.enable="
                                               "FALSE\nlog.segment.bytes=2MiB\n"});
  EXPECT_EQ(properties.diagnostics.Render(), "");
  EXPECT_EQ(properties.config.GetInteger("log.retention.ms"), 1000);
  EXPECT_FALSE(properties.config.GetBool("auto.create.topics.enable"));
  EXPECT_EQ(properties.config.GetInteger("log.segment.bytes"), 2 << 20);
}

TEST(Config, LaterLayersWin) {
  const Loaded loaded = Load({.file_name = "b.toml",
                              .file_text = "num.partitions = 2\nshards = 2\nnode.id = 2\n",
                              .environment = {{"SOLITON_NUM_PARTITIONS", "3"},
                                              {"KAFKA_NUM_PARTITIONS", "9"},
                                              {"KAFKA_NODE_ID", "3"},
                                              {"KAFKA_HEAP_OPTS", "-Xmx1G"},
                                              {"SOLITON_BROKERS", "elsewhere:9092"}},
                              .set_arguments = {"num.partitions=4", " num.partitions = 5 "}});
  EXPECT_EQ(loaded.diagnostics.Render(), "");
  EXPECT_EQ(loaded.config.GetInteger("num.partitions"), 5);
  EXPECT_EQ(loaded.config.Find("num.partitions")->name_at.ToString(), "--set num.partitions");
  EXPECT_EQ(loaded.config.GetInteger("node.id"), 3);
  EXPECT_EQ(loaded.config.Find("node.id")->name_at.ToString(),
            "environment variable KAFKA_NODE_ID");
  EXPECT_EQ(loaded.config.GetInteger("shards"), 2);
  EXPECT_EQ(loaded.config.Find("shards")->name_at.ToString(), "b.toml:2:1");
  EXPECT_EQ(loaded.config.Find("log.level")->name_at.ToString(), "default");
  EXPECT_EQ(SummaryLine(loaded.config, loaded.sources, loaded.diagnostics),
            "0 errors, 0 warnings in b.toml (3 settings read, 1 from environment, 1 from --set)");
}

TEST(Config, OverridesAreCheckedToo) {
  const Loaded loaded = Load({.environment = {{"SOLITON_SHARDS", "many"}, {"SOLITON_SHARD", "2"}},
                              .set_arguments = {"node.id", "numpartitions=3", "shards=-1"}});
  EXPECT_EQ(loaded.diagnostics.Render(),
            "error: --set needs name=value\n"
            "  at: --set node.id\n"
            "error: bad value 'many' for 'shards'\n"
            "  at: environment variable SOLITON_SHARDS   expected a whole number, 0 to 1024\n"
            "error: unknown setting 'numpartitions'\n"
            "  at: --set numpartitions   did you mean 'num.partitions'?\n"
            "error: bad value '-1' for 'shards'\n"
            "  at: --set shards   expected a whole number, 0 to 1024\n"
            "warning: SOLITON_SHARD names no setting\n"
            "  at: environment variable SOLITON_SHARD   did you mean 'SOLITON_SHARDS'?\n");
}

TEST(Config, SpellingsAreConvertedAndTheFinerOneWins) {
  const auto retention = [](std::string text) {
    return LoadToml(std::move(text)).config.GetInteger("log.retention.ms");
  };
  EXPECT_EQ(retention("log.retention.hours = 2\n"), 7200000);
  EXPECT_EQ(retention("log.retention.hours = -1\n"), -1);
  EXPECT_EQ(retention("log.retention.hours = 2\nlog.retention.minutes = 3\n"), 180000);
  EXPECT_EQ(retention("log.retention.hours = 2\nlog.retention.ms = 5\n"), 5);
  EXPECT_EQ(LoadToml("broker.id = 7\n").config.GetInteger("node.id"), 7);
  EXPECT_EQ(LoadToml("log.dir = \"/d\"\n").config.GetList("log.dirs"),
            std::vector<std::string>{"/d"});
}

TEST(Config, ASpellingOfALaterLayerWins) {
  const Loaded loaded = Load({.file_name = "b.toml",
                              .file_text = "log.retention.ms = 5\n",
                              .set_arguments = {"log.retention.hours=1"}});
  EXPECT_EQ(loaded.config.GetInteger("log.retention.ms"), 3600000);
  EXPECT_TRUE(loaded.config.Given("log.retention.ms"));
}

TEST(Config, PrintShowsValueAndOrigin) {
  const Loaded loaded = Load({.file_name = "b.properties",
                              .file_text = "log.retention.hours=1\nssl.key.password=secret\n"});
  const std::string text = PrintConfig(loaded.config);
  const auto line = [&](std::string_view name) {
    const size_t begin = text.find(fmt::format("{} = ", name));
    return begin == std::string::npos ? "" : text.substr(begin, text.find('\n', begin) - begin);
  };
  EXPECT_NE(line("log.retention.ms").find("3600000  (1h)"), std::string::npos);
  EXPECT_NE(line("log.retention.ms").find("# b.properties:1:1 (log.retention.hours)"),
            std::string::npos);
  EXPECT_NE(line("ssl.key.password").find("[hidden]"), std::string::npos);
  EXPECT_EQ(text.find("secret"), std::string::npos);
  EXPECT_NE(line("num.partitions").find("# default"), std::string::npos);
  EXPECT_EQ(line("num.io.threads"), "") << "no effect and not given: not shown";
}

TEST(Config, WhatLooksLikeASecretIsNotInMessages) {
  const Loaded loaded = Load({.set_arguments = {"ssl.key.password=hunter2"}});
  EXPECT_EQ(loaded.diagnostics.Render().find("hunter2"), std::string::npos);
}

TEST(Config, GettersCheckTheType) {
  const Loaded loaded = LoadToml("");
  EXPECT_DEATH(loaded.config.GetBool("shards"), "is of type int");
  EXPECT_DEATH(loaded.config.GetInteger("node.id"), "has no value");
}

}  // namespace
}  // namespace soliton::config

// produce, consume and topic without a broker: what is wrong with a command line is said before
// anything is dialled.
#include <gtest/gtest.h>

#include "tests/cli/fixture.h"

namespace soliton::cli {
namespace {

struct UsageCase {
  std::vector<std::string> words;
  std::string expected;  // in the error
};

TEST(ClientCommandsTest, MistakesAreUsageErrorsThatNameThem) {
  const UsageCase cases[] = {
      {{"produce"}, "TOPIC"},
      {{"produce", "t", "a", "b"}, "'b'"},
      {{"produce", "t", "v", "-H", "nothing"}, "bad header 'nothing'"},
      {{"produce", "t", "v", "-f", "%q"}, "unknown %q"},
      {{"produce", "t", "v", "-K", "\\q"}, "bad escape"},
      {{"produce", "t", "-D", "ab"}, "one character"},
      {{"produce", "t", "v", "--acks", "2"}, "expected one of"},
      {{"produce", "t", "v", "-z", "zip"}, "zip"},
      {{"produce", "t", "v", "-X", "lingerms=4"}, "linger.ms"},
      {{"produce", "t", "v", "-X", "auto.offset.reset=latest"}, "auto.offset.reset"},
      {{"produce", "t", "v", "-b", "a:b:c"}, "--bootstrap-server"},
      {{"consume", "t", "-p", "1-"}, "list of partitions"},
      {{"consume", "t", "-e", "--follow"}, "exclude each other"},
      {{"consume", "t", "-f", "%v{up}"}, "{up}"},
      {{"consume", "t", "-o", "yaml"}, "yaml"},
      {{"consume", "t", "--isolation", "dirty"}, "dirty"},
      {{"topic", "create", "t", "-p", "0"}, "partitions"},
      {{"topic", "create", "t", "-c", "noequals"}, "noequals"},
      {{"topic", "delete", "t"}, "--yes"},
      {{"cluster", "health", "--wait", "soon"}, "soon"},
      {{"cluster", "events"}, "--follow"},
      {{"cluster", "drain"}, "NODE"},
      {{"cluster", "move-leader", "t", "-p", "1-"}, "list of partitions"},
      {{"cluster", "reassign", "t"}, "what shall be done?"},
      {{"cluster", "reassign", "t", "--to", "1", "--list"}, "exclude each other"},
      {{"cluster", "reassign", "t", "--to", "1"}, "--yes"},
      {{"cluster", "reassign", "t", "--to", "one", "-y"}, "'one' is no list of brokers"},
      {{"cluster", "stats"}, "did you mean 'cluster status'"},
      {{"topic", "trim", "t"}, "--before"},
      {{"topic", "trim", "t", "--before", "5x"}, "'5x' is no offset"},
      {{"topic", "trim", "t", "--before", "-1", "--yes"}, "no offset"},
      {{"topic", "trim", "t", "--before", "end"}, "--yes"},
  };
  for (const UsageCase& each : cases) {
    const Ran ran = RunWords(each.words);
    EXPECT_EQ(ran.code, ExitCode::kUsage) << ran.err;
    EXPECT_NE(ran.err.find(each.expected), std::string::npos) << ran.err;
    EXPECT_EQ(ran.out, "") << "stdout is for data";
  }
}

TEST(ClientCommandsTest, IdempotenceNeedsAllAcks) {
  const Ran ran = RunWords({"produce", "t", "v", "--acks", "1", "--idempotence", "on"});
  EXPECT_EQ(ran.code, ExitCode::kUsage);
  EXPECT_NE(ran.err.find("idempotence needs acks=all"), std::string::npos) << ran.err;
}

TEST(ClientCommandsTest, AMissingInputFileIsNotFound) {
  const Ran ran = RunWords({"produce", "t", "--file", "/no/such/file"});
  EXPECT_EQ(ran.code, ExitCode::kNotFound);
  EXPECT_NE(ran.err.find("/no/such/file"), std::string::npos);
}

TEST(ClientCommandsTest, ABadStartIsAUsageError) {
  const Ran ran = RunWords({"consume", "t", "--from", "5x", "-b", "127.0.0.1:1"});
  EXPECT_EQ(ran.code, ExitCode::kUsage);
  EXPECT_NE(ran.err.find("'5x' is no start"), std::string::npos) << ran.err;
}

TEST(ClientCommandsTest, AnAddressWithoutABrokerIsExitCodeFour) {
  const Ran ran = RunWords({"topic", "list"}, {{"SOLITON_BROKERS", "127.0.0.1:1"}});
  EXPECT_EQ(ran.code, ExitCode::kCannotConnect);
  EXPECT_NE(ran.err.find("127.0.0.1:1 (from SOLITON_BROKERS)"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("refused"), std::string::npos) << ran.err;
  EXPECT_EQ(ran.out, "");
}

TEST(ClientCommandsTest, OutputHelpNeedsNoBroker) {
  const std::vector<std::string> kVerbs[] = {{"topic", "list"},     {"cluster", "status"},
                                             {"cluster", "nodes"},  {"cluster", "quorum"},
                                             {"cluster", "health"}, {"cluster", "reassign"}};
  for (std::vector<std::string> words : kVerbs) {
    words.insert(words.end(), {"-o", "help"});
    const Ran ran = RunWords(words);
    EXPECT_EQ(ran.code, ExitCode::kOk);
    EXPECT_NE(ran.out.find("JSON KEY"), std::string::npos) << ran.out;
  }
}

}  // namespace
}  // namespace soliton::cli

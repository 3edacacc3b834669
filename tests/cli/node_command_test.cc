// soliton broker and soliton controller: settings, exit codes, and a real process from start to
// stop.
#include <gtest/gtest.h>

#include "runtime/file/posix_file_system.h"
#include "runtime/process.h"
#include "tests/cli/fixture.h"
#include "tests/runtime/temporary_directory.h"

namespace soliton::cli {
namespace {

const std::string kThreeNode = SOLITON_SOURCE_DIR "/config/three-node/";
const std::string kSeparate = SOLITON_SOURCE_DIR "/config/separate/";

TEST(NodeCommand, CheckIsSilentWhenGood) {
  for (const auto& [noun, file] : {std::pair("controller", kSeparate + "controller-101.toml"),
                                   std::pair("broker", kSeparate + "broker-1.toml"),
                                   std::pair("broker", kThreeNode + "node-1.toml")}) {
    const Ran ran = RunWords({noun, "--config", file, "--check"});
    EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
    EXPECT_EQ(ran.out + ran.err, "");
  }
}

TEST(NodeCommand, BadSettingsAreExitCodeThree) {
  const Ran ran = RunWords({"broker", "--config", kThreeNode + "node-1.toml", "--set", "shard=2"});
  EXPECT_EQ(ran.code, ExitCode::kConfig);
  EXPECT_EQ(ran.err.find("error: unknown setting 'shard'\n"
                         "  at: --set shard   did you mean 'shards'?\n"
                         "1 error, 0 warnings in "),
            0u)
      << ran.err;
  EXPECT_EQ(RunWords({"broker"}).code, ExitCode::kConfig);
  EXPECT_EQ(RunWords({"controller", "--config", "/nonexistent.toml"}).code, ExitCode::kConfig);
  EXPECT_EQ(RunWords({"controller", "--config", kSeparate + "broker-1.toml"}).code,
            ExitCode::kConfig);
}

TEST(NodeCommand, BadSettingsAsJson) {
  for (const std::string command : {"broker", "config check"}) {
    std::vector<std::string> words = {"broker", "--config", kThreeNode + "node-1.toml"};
    if (command != "broker") words = {"config", "check", kThreeNode + "node-1.toml"};
    words.insert(words.end(), {"--set", "shard=2", "--errors", "json"});
    const Ran ran = RunWords(words);
    EXPECT_EQ(ran.code, ExitCode::kConfig);
    EXPECT_TRUE(ran.err.starts_with(
        R"({"version":1,"error":{"exit_code":3,"exit_meaning":"bad configuration",)"))
        << ran.err;
    EXPECT_NE(ran.err.find(R"("findings":[{"severity":"error","what":"unknown setting 'shard'",)"
                           R"("at":"--set shard","hint":"did you mean 'shards'?"}]}})"),
              std::string::npos)
        << ran.err;
    EXPECT_EQ(ran.err.find('\n'), ran.err.size() - 1) << ran.err;
  }
}

TEST(NodeCommand, PrintConfigShowsValuesAndOrigins) {
  const Ran ran = RunWords({"broker", "--config", kThreeNode + "node-1.toml", "--set",
                            "log.dirs=/elsewhere", "--print-config"},
                           {{"SOLITON_SHARDS", "2"}});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
  const auto has_line = [&](std::string_view begin, std::string_view end) {
    size_t at = ran.out.find("\n" + std::string(begin));
    if (at == std::string::npos) return false;
    const std::string line = ran.out.substr(at + 1, ran.out.find('\n', at + 1) - at - 1);
    return line.ends_with(end);
  };
  EXPECT_TRUE(has_line("log.dirs = /elsewhere", "# --set log.dirs")) << ran.out;
  EXPECT_TRUE(has_line("shards = 2", "# environment variable SOLITON_SHARDS"));
  EXPECT_TRUE(has_line("node.id = 1", "node-1.toml:5:1"));
  EXPECT_TRUE(has_line("fetch.max.bytes = 57671680  (55MiB)", "# default"));
}

// One process each, driven by a shell script that waits for the ready line (not for time to pass).
class NodeProcess : public testing::Test {
 protected:
  // Starts the node, waits for its ready line, sends the signals, waits for the end. Returns the
  // exit code.
  int RunNode(const std::string& arguments, const std::string& when_ready) {
    const std::string script = fmt::format(
        "set -u\n"
        "cd '{0}'\n"
        "mkfifo lines\n"
        "env -i '{1}' {2} 2> lines & node=$!\n"
        "while IFS= read -r line; do\n"
        "  printf '%s\\n' \"$line\" >> log\n"
        "  case $line in *' ready in '*) {3} ;; esac\n"
        "done < lines\n"
        "wait $node\n",
        directory_.path(), SOLITON_BINARY, arguments, when_ready);
    PosixFileSystem fs;
    EXPECT_TRUE(WriteFileAtomically(fs, directory_.File("script"), script).ok());
    const absl::StatusOr<int> code =
        RunCommand(fmt::format("timeout 60 bash '{}'", directory_.File("script")));
    EXPECT_TRUE(code.ok()) << code.status();
    log_ = ReadFile(fs, directory_.File("log")).value_or("");
    return code.value_or(-1);
  }

  TemporaryDirectory directory_;
  std::string log_;
};

constexpr const char* kController =
    "controller --set node.id=100 --set listeners=CONTROLLER://127.0.0.1:0 --set log.dirs=data";

TEST_F(NodeProcess, ControllerServesAndStopsGracefully) {
  for (const char* signal : {"TERM", "INT"}) {
    EXPECT_EQ(RunNode(kController, fmt::format("kill -{} $node", signal)), 0) << log_;
    EXPECT_NE(log_.find("soliton controller 100 ready in "), std::string::npos) << log_;
    EXPECT_NE(log_.find(" ms: listening on 127.0.0.1:"), std::string::npos) << log_;
    EXPECT_NE(log_.find(", data data/controller, cluster "), std::string::npos) << log_;
    EXPECT_NE(log_.find("soliton controller 100 stopped\n"), std::string::npos) << log_;
    (void)RunCommand(fmt::format("rm -rf '{0}/lines' '{0}/log'", directory_.path()));
  }
}

TEST_F(NodeProcess, ReloadSignalDoesNotEndIt) {
  EXPECT_EQ(RunNode(kController, "kill -HUP $node; kill -TERM $node"), 0) << log_;
}

TEST_F(NodeProcess, TheDataDirectoryHasOneOwner) {
  // While the first serves, a second one on the same directory must be refused.
  const std::string second =
      fmt::format("env -i '{}' {} 2> second; echo $? > second.code; kill -TERM $node",
                  SOLITON_BINARY, kController);
  EXPECT_EQ(RunNode(kController, second), 0) << log_;
  PosixFileSystem fs;
  EXPECT_EQ(ReadFile(fs, directory_.File("second.code")).value_or(""), "1\n");
  const std::string message = ReadFile(fs, directory_.File("second")).value_or("");
  EXPECT_NE(message.find("error: cannot start controller 100\n  cause: "), std::string::npos)
      << message;
}

TEST_F(NodeProcess, BrokerServesAfterItsControllerAndStopsGracefully) {
  // The controller's ready line names its port; the broker is started with it, and both stop when
  // it serves.
  const std::string broker = fmt::format(
      "port=${{line##*listening on 127.0.0.1:}}; port=${{port%%,*}}; mkfifo broker.lines; "
      "env -i '{}' broker --set node.id=1 --set listeners=PLAINTEXT://127.0.0.1:0 --set log.dirs=b "
      "--set controller.quorum.bootstrap.servers=127.0.0.1:$port 2> broker.lines & broker=$!; "
      "while IFS= read -r told; do echo \"$told\" >> broker.log; "
      "case $told in *' ready in '*) kill -TERM $broker ;; esac; done < broker.lines; "
      "wait $broker; echo $? > broker.code; kill -TERM $node",
      SOLITON_BINARY);
  EXPECT_EQ(RunNode(kController, broker), 0) << log_;
  PosixFileSystem fs;
  const std::string told = ReadFile(fs, directory_.File("broker.log")).value_or("");
  EXPECT_EQ(ReadFile(fs, directory_.File("broker.code")).value_or(""), "0\n") << told;
  EXPECT_NE(told.find("soliton broker 1 ready in "), std::string::npos) << told;
  EXPECT_NE(told.find(", data b, durability=flush\n"), std::string::npos) << told;
  EXPECT_NE(told.find("soliton broker 1 stopped\n"), std::string::npos) << told;
}

// Kafka's own file, with other ports and another folder: produce, kill -9, start again, read, stop.
TEST_F(NodeProcess, KafkasFileStartsACombinedNode) {
  const std::string node = fmt::format(
      "broker --config '{}/tests/testdata/kafka/server.properties' --set log.dirs=data "
      "--set listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0 "
      "--set advertised.listeners=PLAINTEXT://127.0.0.1:0",
      SOLITON_SOURCE_DIR);
  const std::string port =
      "port=${line##*: listening on 127.0.0.1:}; port=${port%%,*}; tool() { env -i "
      "SOLITON_BROKERS=127.0.0.1:$port '" SOLITON_BINARY "' \"$@\"; }; ";
  EXPECT_EQ(RunNode(node, port + "printf 'a\\nb\\nc\\n' | tool produce greetings 2>> tool.log; "
                                 "kill -KILL $node"),
            128 + 9)
      << log_;
  EXPECT_NE(log_.find("soliton node 1 ready in "), std::string::npos) << log_;
  EXPECT_NE(log_.find(", data data, durability=flush, controller on 127.0.0.1:"), std::string::npos)
      << log_;
  EXPECT_NE(log_.find("warning: 'num.io.threads' is accepted but has no effect\n  at: "),
            std::string::npos)
      << log_;
  EXPECT_NE(log_.find("server.properties:10:1   a few event-loop threads"), std::string::npos);
  EXPECT_NE(log_.find("formatted the data directory data for node 1"), std::string::npos) << log_;
  EXPECT_NE(log_.find("formatted the data directory data/controller for node 1"),
            std::string::npos);
  (void)RunCommand(fmt::format("rm -f '{0}/lines' '{0}/log'", directory_.path()));

  EXPECT_EQ(RunNode(node, port + "tool consume greetings --from start -n 3 > read 2>> tool.log; "
                                 "kill -TERM $node"),
            0)
      << log_;
  PosixFileSystem fs;
  EXPECT_EQ(ReadFile(fs, directory_.File("read")).value_or("none"), "a\nb\nc\n")
      << log_ << ReadFile(fs, directory_.File("tool.log")).value_or("");
  EXPECT_NE(log_.find("soliton node 1 stopped\n"), std::string::npos) << log_;
  EXPECT_EQ(log_.find("formatted"), std::string::npos) << log_;
  EXPECT_TRUE(fs.Exists(directory_.File("data/.kafka_cleanshutdown")));
  EXPECT_TRUE(fs.Exists(directory_.File("data/controller/.kafka_cleanshutdown")));
}

TEST(NodeCommand, BothRolesAreStartedByTheBrokerCommand) {
  const std::string file = SOLITON_SOURCE_DIR "/tests/testdata/kafka/server.properties";
  EXPECT_EQ(RunWords({"broker", "--config", file, "--check"}).code, ExitCode::kOk);
  EXPECT_EQ(RunWords({"config", "check", file}).code, ExitCode::kOk);
  const Ran ran = RunWords({"controller", "--config", file});
  EXPECT_EQ(ran.code, ExitCode::kConfig);
  EXPECT_EQ(ran.err.find("error: process.roles is 'broker,controller', but this starts a "
                         "controller\n"),
            0u)
      << ran.err;
  EXPECT_NE(ran.err.find("start it with: soliton broker --config FILE"), std::string::npos);
}

TEST_F(NodeProcess, ATakenPortIsSaid) {
  const std::string second = fmt::format(
      "port=${{line##*listening on 127.0.0.1:}}; port=${{port%%,*}}; "
      "env -i '{}' controller --set node.id=2 --set log.dirs=other "
      "--set listeners=CONTROLLER://127.0.0.1:$port 2> second; echo $? > second.code; "
      "kill -TERM $node",
      SOLITON_BINARY);
  EXPECT_EQ(RunNode(kController, second), 0) << log_;
  PosixFileSystem fs;
  EXPECT_EQ(ReadFile(fs, directory_.File("second.code")).value_or(""), "1\n");
  const std::string message = ReadFile(fs, directory_.File("second")).value_or("");
  EXPECT_NE(message.find("error: cannot start controller 2\n  cause: "), std::string::npos)
      << message;
  EXPECT_NE(message.find("in use"), std::string::npos) << message;
}

// A controller that is stopped keeps its connection and answers nothing, so handing over takes a
// while: the second signal ends it.
TEST_F(NodeProcess, TheSecondSignalEndsItAtOnce) {
  const std::string script = fmt::format(
      "set -u\ncd '{0}'\nmkfifo lines controller-lines\n"
      "env -i '{1}' controller --set node.id=100 --set log.dirs=c "
      "--set listeners=CONTROLLER://127.0.0.1:0 2> controller-lines & controller=$!\n"
      "exec 3< controller-lines\n"
      "while IFS= read -r line <&3; do case $line in *' ready in '*) break ;; esac; done\n"
      "port=${{line##*listening on 127.0.0.1:}}; port=${{port%%,*}}\n"
      "env -i '{1}' broker --set node.id=1 --set listeners=PLAINTEXT://127.0.0.1:0 --set "
      "log.dirs=b "
      "--set controller.quorum.bootstrap.servers=127.0.0.1:$port 2> lines & node=$!\n"
      "while IFS= read -r line; do\n"
      "  printf '%s\\n' \"$line\" >> log\n"
      "  case $line in\n"
      "    *' ready in '*) kill -STOP $controller; kill -INT $node ;;\n"
      "    *' is stopping '*) kill -INT $node ;;\n"
      "  esac\n"
      "done < lines\nwait $node; code=$?\nkill -KILL $controller\nexit $code\n",
      directory_.path(), SOLITON_BINARY);
  PosixFileSystem fs;
  ASSERT_TRUE(WriteFileAtomically(fs, directory_.File("script"), script).ok());
  const absl::StatusOr<int> code =
      RunCommand(fmt::format("timeout 60 bash '{}'", directory_.File("script")));
  ASSERT_TRUE(code.ok()) << code.status();
  const std::string log = ReadFile(fs, directory_.File("log")).value_or("");
  EXPECT_EQ(*code, 130) << log;
  EXPECT_NE(log.find("soliton broker 1 ends at once\n"), std::string::npos) << log;
}

}  // namespace
}  // namespace soliton::cli

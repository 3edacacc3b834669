// Golden outputs of soliton config.
#include <gtest/gtest.h>

#include "runtime/file/posix_file_system.h"
#include "tests/cli/fixture.h"
#include "tests/runtime/temporary_directory.h"

namespace soliton::cli {
namespace {

class ConfigCommand : public testing::Test {
 protected:
  // Writes the file and checks it; the folder's name is cut from the output.
  Ran Check(const std::string& name, const std::string& text,
            const std::vector<std::string>& more = {},
            std::map<std::string, std::string> environment = {}) {
    PosixFileSystem fs;
    EXPECT_TRUE(WriteFileAtomically(fs, directory_.File(name), text).ok());
    std::vector<std::string> words = {"config", "check", directory_.File(name)};
    words.insert(words.end(), more.begin(), more.end());
    Ran ran = RunWords(words, std::move(environment));
    for (size_t at; (at = ran.err.find(directory_.path() + "/")) != std::string::npos;) {
      ran.err.erase(at, directory_.path().size() + 1);
    }
    return ran;
  }

  TemporaryDirectory directory_;
};

constexpr const char* kGood =
    "node.id = 1\n"
    "listeners = \"PLAINTEXT://127.0.0.1:9092\"\n"
    "controller.quorum.bootstrap.servers = \"127.0.0.1:9093\"\n";

TEST_F(ConfigCommand, SilentWhenGood) {
  const Ran ran = Check("broker.toml", kGood);
  EXPECT_EQ(ran.code, ExitCode::kOk);
  EXPECT_EQ(ran.out + ran.err, "");
  EXPECT_EQ(Check("broker.toml", kGood, {"-v"}).err,
            "0 errors, 0 warnings in broker.toml (3 settings read)\n");
}

TEST_F(ConfigCommand, ErrorAndWarning) {
  const Ran ran = Check("broker.toml",
                        "node.id = 1\n"
                        "listeners = \"PLAINTEXT://127.0.0.1:9092\"\n"
                        "controller.quorum.bootstrap.servers = \"127.0.0.1:9093\"\n"
                        "\n"
                        "[log]\n"
                        "dirs = \"/var/lib/soliton\"\n"
                        "retention.hour = \"7d\"\n"
                        "\n"
                        "[default]\n"
                        "replication.factor = 3\n"
                        "[min]\n"
                        "insync.replicas = 3\n",
                        {}, {{"SOLITON_SHARDS", "2"}});
  EXPECT_EQ(ran.code, ExitCode::kConfig);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, R"(error: unknown setting 'log.retention.hour'
  at: broker.toml:7:1
    7 | retention.hour = "7d"
      | ^^^^^^^^^^^^^^ did you mean 'log.retention.hours' or 'log.retention.ms'?
warning: min.insync.replicas = 3 equals default.replication.factor = 3
  at: broker.toml:12:1   one failed broker will stop acks=all producers
1 error, 1 warning in broker.toml (7 settings read, 1 from environment)
)");
}

TEST_F(ConfigCommand, Properties) {
  const Ran ran = Check("server.properties",
                        "node.id=1\nlisteners=PLAINTEXT://127.0.0.1:9092\n"
                        "controller.quorum.bootstrap.servers=127.0.0.1:9093\nnum.partitons=3\n");
  EXPECT_EQ(ran.code, ExitCode::kConfig);
  EXPECT_EQ(ran.err, R"(error: unknown setting 'num.partitons'
  at: server.properties:4:1
    4 | num.partitons=3
      | ^^^^^^^^^^^^^ did you mean 'num.partitions'?
1 error, 0 warnings in server.properties (3 settings read)
)");
}

TEST_F(ConfigCommand, WarningsDoNotFail) {
  const Ran ran = Check("b.toml", std::string(kGood) + "num.io.threads = 8\n");
  EXPECT_EQ(ran.code, ExitCode::kOk);
  EXPECT_EQ(ran.err, R"(warning: 'num.io.threads' is accepted but has no effect
  at: b.toml:4:1   a few event-loop threads do all work; see `shards`
0 errors, 1 warning in b.toml (4 settings read)
)");
}

TEST_F(ConfigCommand, ControllersAreKnownByTheirRole) {
  const std::string text = "node.id = 100\nprocess.roles = \"controller\"\n";
  EXPECT_EQ(Check("c.toml", text).err, "");
  EXPECT_EQ(Check("c.toml", "node.id = 100\n").code, ExitCode::kConfig)
      << "a broker's: no controller";
}

TEST_F(ConfigCommand, SetAndSyntaxErrors) {
  EXPECT_EQ(Check("b.toml", kGood, {"--set", "shards=two"}).err,
            "error: bad value 'two' for 'shards'\n"
            "  at: --set shards   expected a whole number, 0 to 1024\n"
            "1 error, 0 warnings in b.toml (3 settings read)\n");
  const Ran ran = Check("b.toml", "node.id = \n");
  EXPECT_EQ(ran.code, ExitCode::kConfig);
  EXPECT_EQ(ran.err.substr(0, 22), "error: not valid TOML\n");
}

TEST_F(ConfigCommand, AFileThatIsNotThere) {
  const Ran ran = RunWords({"config", "check", directory_.File("none.toml")});
  EXPECT_EQ(ran.code, ExitCode::kConfig);
  EXPECT_EQ(ran.err.find(fmt::format("error: cannot read '{}'\n", directory_.File("none.toml"))),
            0u)
      << ran.err;
}

TEST_F(ConfigCommand, Explain) {
  EXPECT_EQ(RunWords({"config", "explain", "log.retention.ms"}).out, R"(log.retention.ms  (broker)
  Age at which records may be deleted. -1: never.
  type      long, ms
  default   604800000 (7d)
  range     at least -1
  change    without a restart
  stage     supported
)");
  EXPECT_EQ(RunWords({"config", "explain", "num.io.threads"}).out,
            R"(num.io.threads  (broker, controller)
  A setting of Apache Kafka.
  type      string
  default   unset
  change    needs a restart
  stage     accepted, no effect: a few event-loop threads do all work; see `shards`
)");
}

TEST_F(ConfigCommand, ExplainShowsEveryMeaningOfAName) {
  const std::string out = RunWords({"config", "explain", "compression.type"}).out;
  EXPECT_NE(out.find("compression.type  (broker, controller)"), std::string::npos);
  EXPECT_NE(out.find("compression.type  (topic)"), std::string::npos);
  EXPECT_NE(out.find("compression.type  (producer)"), std::string::npos);
}

TEST_F(ConfigCommand, ExplainUnknown) {
  const Ran ran = RunWords({"config", "explain", "retention.sm"});
  EXPECT_EQ(ran.code, ExitCode::kNotFound);
  EXPECT_EQ(ran.err,
            "error: unknown setting 'retention.sm'\n  hint: did you mean 'retention.ms'?\n");
}

// The page and `config explain` say the same of every setting.
TEST_F(ConfigCommand, DocsAgreeWithExplain) {
  const std::string page = RunWords({"config", "docs"}).out;
  std::vector<std::string> lines;
  for (size_t at = 0, end; (end = page.find('\n', at)) != std::string::npos; at = end + 1) {
    lines.push_back(page.substr(at, end - at));
  }
  const auto line_after = [](const std::string& text, std::string_view label) -> std::string {
    const size_t at = text.find(label);
    if (at == std::string::npos) return "";
    return text.substr(at + label.size(), text.find('\n', at) - at - label.size());
  };
  std::map<std::string, std::string> explained;
  for (const std::string& line : lines) {
    if (!line.starts_with("| `") || line.find(".*") != std::string::npos) continue;
    const std::string name = line.substr(3, line.find('`', 3) - 3);
    if (!explained.contains(name)) explained[name] = RunWords({"config", "explain", name}).out;
    // One of the meanings of the name is this line's.
    bool found = false;
    const std::string& all = explained[name];
    for (size_t at = 0; at < all.size();) {
      const size_t end = std::min(all.find("\n\n", at), all.size() - 1);
      const std::string one = all.substr(at, end + 1 - at);
      at = end + 2;
      const std::string note = line_after(one, "effect: ") + line_after(one, "refused: ");
      const std::string default_text = line_after(one, "  default   ");
      const bool same =
          note.empty()
              ? line.find(fmt::format("| {} | `{}` | {} |", line_after(one, "  type      "),
                                      default_text, line_after(one, "  range     "))) !=
                    std::string::npos
              : line.ends_with(fmt::format("| {} |", note));
      found = found || same;
    }
    EXPECT_TRUE(found) << line << "\n" << all;
  }
  EXPECT_GT(explained.size(), 300u);
}

TEST_F(ConfigCommand, List) {
  const std::string table = RunWords({"config", "list", "--scope", "controller"}).out;
  EXPECT_EQ(table.substr(0, 7), "SETTING");
  EXPECT_NE(table.find("broker.session.timeout.ms"), std::string::npos);
  EXPECT_EQ(table.find("log.segment.bytes"), std::string::npos);
  EXPECT_EQ(table.find("num.io.threads"), std::string::npos);
  const std::string all = RunWords({"config", "list", "--all", "-o", "csv"}).out;
  EXPECT_NE(all.find("num.io.threads,"), std::string::npos);
}

}  // namespace
}  // namespace soliton::cli

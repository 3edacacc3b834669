// Parsing, suggestions, messages and exit codes, with commands made for the test.
#include <gtest/gtest.h>

#include "cli/output.h"
#include "tests/cli/fixture.h"

namespace soliton::cli {
namespace {

// Prints what it was given.
class PourCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "cup pour",
            .summary = "fill a cup",
            .details =
                "Cups are filled to the brim, unless the drink is hot; then a finger's breadth is "
                "left, so that nobody is hurt.\n  indented",
            .examples = {{"soliton cup pour tea", "a cup of tea"},
                         {"soliton cup pour tea --sugar 2", ""}}};
  }
  void Declare(OptionSet& options) override {
    options.Positional("DRINK", &drink_, "what to fill in").Required();
    options.Positional("EXTRA", &extras_, "what else");
    options.Value("-s,--sugar", "N", &sugar_, "lumps").Range(0, 5).ShowDefault("0");
    options.Value("--add", "THING", &added_, "may be repeated");
    options.Value("--wait", "TIME", &wait_, "how long");
    options.Value("--size", "BYTES", &size_, "how much");
    options.Value("--name", "TEXT", &name_, "for whom");
    options.Value("--ratio", "X", &ratio_, "milk");
    options.Flag("-f,--fast", &fast_, "at once");
    options.Choice("--color-of-cup", &cup_, {{"red", 1}, {"green", 2}}, "which cup");
    AddOutputOption(options, &format_);
  }
  ExitCode Run(Context& context, const OptionSet& options) override {
    context.out.Write(fmt::format(
        "{} [{}] sugar={} add=[{}] wait={} size={} name={} ratio={} fast={} cup={} given={}",
        drink_, fmt::join(extras_, "|"), sugar_, fmt::join(added_, "|"), wait_.count(), size_.bytes,
        name_.value_or("-"), ratio_, fast_, cup_, options.Given("--sugar")));
    return drink_ == "poison" ? context.Fail({.code = ExitCode::kRefused, .what = "no", .at = ""})
                              : ExitCode::kOk;
  }

 private:
  std::string drink_;
  std::vector<std::string> extras_, added_;
  int32_t sugar_ = 0;
  Duration wait_{};
  ByteCount size_;
  std::optional<std::string> name_;
  double ratio_ = 0;
  bool fast_ = false;
  int cup_ = 0;
  OutputFormat format_ = OutputFormat::kTable;
};

class WashCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "cup wash", .summary = "clean a cup", .details = "", .examples = {}};
  }
  void Declare(OptionSet&) override {}
  ExitCode Run(Context&, const OptionSet&) override { return ExitCode::kOk; }
};

class RestCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {.name = "rest", .summary = "do nothing", .details = "", .examples = {}};
  }
  void Declare(OptionSet&) override {}
  ExitCode Run(Context&, const OptionSet&) override { return ExitCode::kCheckFailed; }
};

Ran RunCups(const std::vector<std::string>& words) {
  CommandList commands;
  commands.Add<PourCommand>();
  commands.Add<WashCommand>();
  commands.Add<RestCommand>();
  return RunWords(commands, words);
}

TEST(RunCommandLine, OptionsInAnyPlaceAndForm) {
  const Ran ran = RunCups({"cup", "pour", "--sugar=2", "tea", "-f", "--add", "milk", "lemon",
                           "--add=honey", "--wait", "1.5s", "--size", "2KiB", "--name", "",
                           "--ratio", "0.5", "--color-of-cup", "green"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
  EXPECT_EQ(ran.out,
            "tea [lemon] sugar=2 add=[milk|honey] wait=1500000000 size=2048 name= ratio=0.5 "
            "fast=true cup=2 given=true");
  EXPECT_EQ(ran.err, "");
}

TEST(RunCommandLine, ShortOptionsAndDefaults) {
  EXPECT_EQ(RunCups({"cup", "pour", "-s3", "tea"}).out.substr(0, 14), "tea [] sugar=3");
  EXPECT_EQ(RunCups({"cup", "pour", "-s", "3", "tea"}).out.substr(0, 14), "tea [] sugar=3");
  EXPECT_NE(RunCups({"cup", "pour", "tea"}).out.find("name=- "), std::string::npos);
  EXPECT_NE(RunCups({"cup", "pour", "tea"}).out.find("given=false"), std::string::npos);
}

TEST(RunCommandLine, AfterTwoDashesNothingIsAnOption) {
  EXPECT_EQ(RunCups({"cup", "pour", "--", "--fast", "-x"}).out.substr(0, 12), "--fast [-x] ");
}

TEST(RunCommandLine, NegativeNumbersAreValues) {
  EXPECT_EQ(RunCups({"cup", "pour", "tea", "-5m", "-1"}).out.substr(0, 12), "tea [-5m|-1]");
  EXPECT_EQ(RunCups({"cup", "pour", "tea", "--add", "-5m"}).code, ExitCode::kOk);
}

struct BadLine {
  std::vector<std::string> words;
  const char* err;
};

TEST(RunCommandLine, UsageErrors) {
  const BadLine kLines[] = {
      {{"cpu"}, "error: unknown command 'cpu'\n  hint: did you mean 'cup'?\n"},
      {{"teapot"}, "error: unknown command 'teapot'\n  hint: see: soliton help\n"},
      {{"cup"}, "error: 'cup' needs a verb: pour, wash\n  hint: see: soliton cup --help\n"},
      {{"cup", "-x"}, "error: 'cup' needs a verb: pour, wash\n  hint: see: soliton cup --help\n"},
      {{"cup", "puor", "x"},
       "error: unknown command 'cup puor'\n  hint: did you mean 'cup pour'?\n"},
      {{"cup", "pour"},
       "error: missing argument DRINK\n"
       "  hint: usage: soliton cup pour DRINK [EXTRA...] [options]\n"},
      {{"cup", "pour", "tea", "--suger", "2"},
       "error: unknown option '--suger'\n  hint: did you mean '--sugar'?\n"},
      {{"cup", "pour", "tea", "--xyzzy=2"},
       "error: unknown option '--xyzzy'\n  hint: see: soliton cup pour --help\n"},
      {{"cup", "pour", "tea", "--sugar"},
       "error: option --sugar needs a value (N)\n  hint: see: soliton cup pour --help\n"},
      {{"cup", "pour", "tea", "--sugar", "many"},
       "error: bad value 'many' for --sugar\n  cause: expected a whole number\n"
       "  hint: see: soliton cup pour --help\n"},
      {{"cup", "pour", "tea", "--sugar", "6"},
       "error: bad value '6' for --sugar\n  cause: expected 0 to 5\n"
       "  hint: see: soliton cup pour --help\n"},
      {{"cup", "pour", "tea", "-s", "1", "-s", "2"},
       "error: --sugar is given more than once\n  hint: see: soliton cup pour --help\n"},
      {{"cup", "pour", "tea", "--color-of-cup", "gren"},
       "error: bad value 'gren' for --color-of-cup\n"
       "  cause: expected one of red, green; did you mean 'green' or 'red'?\n"
       "  hint: see: soliton cup pour --help\n"},
      {{"cup", "pour", "tea", "--wait", "5"},
       "error: bad value '5' for --wait\n  cause: expected a duration such as 500ms, 30s, 15m, 12h "
       "or 7d (units: ns us ms s m h d w)\n  hint: see: soliton cup pour --help\n"},
      {{"cup", "pour", "tea", "--wait", "-5s"},
       "error: bad value '-5s' for --wait\n  cause: expected a duration that is not negative\n"
       "  hint: see: soliton cup pour --help\n"},
      {{"cup", "wash", "thoroughly"},
       "error: unexpected argument 'thoroughly'\n  hint: see: soliton cup wash --help\n"},
  };
  for (const BadLine& line : kLines) {
    const Ran ran = RunCups(line.words);
    EXPECT_EQ(ran.code, ExitCode::kUsage) << line.err;
    EXPECT_EQ(ran.err, line.err);
    EXPECT_EQ(ran.out, "") << line.err;
  }
}

TEST(RunCommandLine, TheCommandsExitCodeIsTheResult) {
  EXPECT_EQ(RunCups({"rest"}).code, ExitCode::kCheckFailed);
  const Ran refused = RunCups({"cup", "pour", "poison"});
  EXPECT_EQ(refused.code, ExitCode::kRefused);
  EXPECT_EQ(refused.err, "error: no\n");
}

TEST(RunCommandLine, NothingAtAllShowsTheCommands) {
  const Ran ran = RunCups({});
  EXPECT_EQ(ran.code, ExitCode::kUsage);
  EXPECT_NE(ran.err.find("cup pour"), std::string::npos);
}

TEST(Help, ExamplesFirstThenOptionsThenExitCodes) {
  const Ran ran = RunCups({"cup", "pour", "--help"});
  EXPECT_EQ(ran.code, ExitCode::kOk);
  EXPECT_EQ(ran.out, R"(Examples:
  soliton cup pour tea            # a cup of tea
  soliton cup pour tea --sugar 2

fill a cup

Usage: soliton cup pour DRINK [EXTRA...] [options]

Arguments:
  DRINK  what to fill in
  EXTRA  what else

Options:
  -s, --sugar N                 lumps (default 0)
      --add THING               may be repeated
      --wait TIME               how long
      --size BYTES              how much
      --name TEXT               for whom
      --ratio X                 milk
  -f, --fast                    at once
      --color-of-cup red|green  which cup
  -o, --output table|wide|json|jsonl|csv|help
                                output format; help lists the columns (default table)

Common options:
  -h, --help              show this page
      --debug             say more about a failure
      --color auto|never  colour on a terminal
      --errors text|json  errors on stderr (default: json with -o json or jsonl, else text)

Cups are filled to the brim, unless the drink is hot; then a finger's breadth is left, so that
nobody is hurt.
  indented

Exit codes:
  0 ok, 1 failed, 2 wrong usage, 3 bad configuration, 4 cannot connect,
  5 refused (authentication, authorization), 6 not found, 7 timed out, 8 a check failed,
  9 data is corrupt, 130 interrupted
)");
}

TEST(RunCommandLine, JsonErrors) {
  // Whatever is wrong, the words included: one line, and the same exit code.
  const std::pair<std::vector<std::string>, std::string> kCases[] = {
      {{"cup", "pour", "poison", "-o", "json"}, R"({"version":1,"error":{"exit_code":5,)"},
      {{"cup", "pour", "poison", "--errors=json"}, R"({"version":1,"error":{"exit_code":5,)"},
      {{"cup", "pour", "-o", "json", "--nonsense"}, R"({"version":1,"error":{"exit_code":2,)"},
      {{"cup", "pour", "-o", "json"}, R"({"version":1,"error":{"exit_code":2,)"},
      {{"cup", "poru", "-o", "json"}, R"({"version":1,"error":{"exit_code":2,)"},
      {{"cop", "pour", "-o", "json"}, R"({"version":1,"error":{"exit_code":2,)"},
  };
  for (const auto& [words, begin] : kCases) {
    const Ran ran = RunCups(words);
    EXPECT_TRUE(ran.err.starts_with(begin)) << ran.err;
    EXPECT_EQ(ran.err.find('\n'), ran.err.size() - 1) << ran.err;
    std::vector<std::string> as_text = words;
    as_text.insert(as_text.end(), {"--errors", "text"});
    if (words.back() != "--errors=json") EXPECT_EQ(RunCups(as_text).code, ran.code);
  }
  EXPECT_TRUE(RunCups({"cup", "pour", "poison", "-o", "json", "--errors", "text"})
                  .err.starts_with("error: no\n"));
  EXPECT_EQ(RunCups({"cup", "wash", "--errors", "yaml"}).code, ExitCode::kUsage);
}

TEST(Help, WinsOverOtherMistakes) {
  EXPECT_EQ(RunCups({"cup", "pour", "--nonsense", "-h"}).out.substr(0, 9), "Examples:");
  EXPECT_EQ(RunCups({"cup", "pour", "--sugar", "--help"}).code, ExitCode::kOk);
}

TEST(Help, OfANounListsItsVerbs) {
  const Ran ran = RunCups({"cup", "--help"});
  EXPECT_EQ(ran.code, ExitCode::kOk);
  EXPECT_NE(ran.out.find("soliton cup pour  fill a cup\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("soliton cup wash  clean a cup\n"), std::string::npos);
}

}  // namespace
}  // namespace soliton::cli

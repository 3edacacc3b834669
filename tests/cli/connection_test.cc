#include "cli/connection.h"

#include <gtest/gtest.h>

#include "tests/cli/fixture.h"

namespace soliton::cli {
namespace {

absl::StatusOr<Bootstrap> Resolve(std::optional<std::string> flag,
                                  std::map<std::string, std::string> environment) {
  StringSink out, err;
  std::istringstream in;
  const Context context{out, err, in, std::move(environment)};
  return ResolveBootstrap({std::move(flag)}, context);
}

TEST(ResolveBootstrap, FlagThenEnvironmentThenDefault) {
  absl::StatusOr<Bootstrap> b = Resolve("a:1, b", {{"SOLITON_BROKERS", "c:3"}});
  ASSERT_TRUE(b.ok()) << b.status();
  EXPECT_EQ(b->servers, (std::vector<Endpoint>{{"a", 1}, {"b", 9092}}));
  EXPECT_EQ(b->origin, "--bootstrap-server");

  b = Resolve(std::nullopt, {{"SOLITON_BROKERS", "c:3"}});
  ASSERT_TRUE(b.ok()) << b.status();
  EXPECT_EQ(b->servers, (std::vector<Endpoint>{{"c", 3}}));
  EXPECT_EQ(b->origin, "SOLITON_BROKERS");

  for (const std::map<std::string, std::string>& environment :
       {std::map<std::string, std::string>{}, {{"SOLITON_BROKERS", ""}}}) {
    b = Resolve(std::nullopt, environment);
    ASSERT_TRUE(b.ok()) << b.status();
    EXPECT_EQ(b->servers, (std::vector<Endpoint>{{"localhost", 9092}}));
    EXPECT_EQ(b->origin, "the default");
  }
}

TEST(ResolveBootstrap, MalformedAddressesSayWhereTheyCameFrom) {
  const absl::StatusOr<Bootstrap> b = Resolve(std::nullopt, {{"SOLITON_BROKERS", "a:1,b:x"}});
  ASSERT_FALSE(b.ok());
  const std::string message(b.status().message());
  EXPECT_EQ(message.find("bad broker address 'b:x' in SOLITON_BROKERS: "), 0u) << message;
  EXPECT_FALSE(Resolve(",", {}).ok());
  EXPECT_FALSE(Resolve("", {}).ok());
}

TEST(CannotConnect, TellsAddressesOriginAndOrder) {
  const Bootstrap bootstrap{{{"localhost", 9092}}, "localhost:9092", "the default"};
  const CliError error = CannotConnect(bootstrap, "connection refused");
  EXPECT_EQ(error.code, ExitCode::kCannotConnect);
  EXPECT_EQ(FormatError(error),
            "error: cannot connect to any broker\n"
            "  at: localhost:9092 (from the default)\n"
            "  cause: connection refused\n"
            "  hint: name the brokers with -b HOST:PORT or SOLITON_BROKERS; without them it is "
            "localhost:9092\n");
}

}  // namespace
}  // namespace soliton::cli

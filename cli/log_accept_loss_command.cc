// soliton log accept-loss: gives up what is damaged in a replica of a stopped broker.
#include "cli/log_accept_loss_command.h"

#include <fmt/format.h>

#include "cli/log_path.h"
#include "cli/record_format.h"
#include "runtime/base/random.h"
#include "runtime/file/posix_file_system.h"
#include "runtime/loop/native_clock.h"
#include "segment/accept_loss.h"
#include "segment/find_loss.h"

namespace soliton::cli {
namespace {

constexpr std::string_view kMetadataFolder = "__cluster_metadata-0";

std::string PlaceOf(const segment::Loss& loss) {
  return loss.position < 0 ? loss.path : fmt::format("{} byte {}", loss.path, loss.position);
}

// "10 to 19" for [10, 20).
std::string Range(int64_t first_offset, int64_t end_offset) {
  return first_offset < end_offset ? fmt::format("{} to {}", first_offset, end_offset - 1) : "none";
}

std::string LostText(const segment::Loss& loss) {
  return fmt::format("records lost: {}; records that stay: {}",
                     Range(loss.log_end_offset, loss.durable_end_offset),
                     Range(loss.log_start_offset, loss.log_end_offset));
}

class LogAcceptLossCommand final : public Command {
 public:
  CommandInfo Info() const override {
    return {
        .name = "log accept-loss",
        .summary = "give up what is damaged in a replica, so that its broker opens it again",
        .details =
            "The last resort, for a partition that no other replica can be fetched from. PATH "
            "is the partition's folder, of a stopped broker. The log is cut where the first "
            "batch is damaged or missing. Everything behind is moved to a folder beside it, and "
            "a line in accepted-losses.jsonl of the data directory says what was given up. When "
            "the broker starts it tells the controller, so that a replica that has more is "
            "preferred.",
        .examples = {{"soliton log accept-loss data/node-1/orders-0", "what would be lost"},
                     {"soliton log accept-loss data/node-1/orders-0 --yes", ""}}};
  }

  void Declare(OptionSet& options) override {
    options.Positional("PATH", &flags_.path, "a partition's folder").Required();
    options.Flag("--yes", &yes_, "do it");
  }

  ExitCode Run(Context& context, const OptionSet&) override {
    PosixFileSystem fs;
    LogPath target;
    if (auto error = OpenLogPath(flags_, fs, &target)) return context.Fail(*error);
    if (target.kind != segment::LogPathKind::kPartition || target.path.ends_with(kMetadataFolder)) {
      return context.Fail({ExitCode::kUsage, "this is no folder of a topic's partition",
                           target.path, "", "see: soliton log accept-loss --help"});
    }
    const auto loss = segment::FindLoss(fs, target.path);
    if (!loss.ok()) return context.Fail(ErrorFromStatus("cannot read the log", loss.status()));
    if (!loss->has_value()) {
      context.Note(
          fmt::format("{}: nothing that was promised is damaged; nothing was done", target.path));
      return ExitCode::kOk;
    }
    return yes_ ? Accept(fs, target.path, **loss, context) : Show(target.path, **loss, context);
  }

 private:
  static ExitCode Show(const std::string& path, const segment::Loss& loss, Context& context) {
    return context.Fail({ExitCode::kUsage, "accepting a loss needs --yes: " + LostText(loss),
                         PlaceOf(loss), loss.why,
                         fmt::format("keep a copy, then: soliton log accept-loss {} --yes", path)});
  }

  static ExitCode Accept(FileSystem& fs, const std::string& path, const segment::Loss& loss,
                         Context& context) {
    const int64_t now_ms = NativeClock().WallMs();
    Random random(static_cast<uint64_t>(now_ms));  // for a name
    const auto kept = segment::AcceptLoss(fs, path, loss, IsoTime(now_ms), random);
    if (!kept.ok()) {
      CliError error = ErrorFromStatus("cannot finish", kept.status());
      error.at = path;
      error.hint = "the folder is not used until this command has succeeded: run it again";
      return context.Fail(error);
    }
    context.Note(fmt::format("{}: {}; what was taken away is in {}", path, LostText(loss), *kept));
    return ExitCode::kOk;
  }

  LogPathFlags flags_;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeLogAcceptLossCommand() {
  return std::make_unique<LogAcceptLossCommand>();
}

}  // namespace soliton::cli

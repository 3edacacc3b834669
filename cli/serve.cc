#include "cli/serve.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>

#include "runtime/process.h"

namespace soliton::cli {
namespace {

constexpr Duration kWaitingNoteAfter = seconds(2);

// State of one Serve(); lives on shard 0 while that runs.
class Server {
 public:
  Server(Context& context, const ServeOptions& options, ServedNode& node, NativePorts& native)
      : context_(context), options_(options), node_(node), native_(native) {}

  ExitCode Run() {
    native_.WatchSignals([this](int signal) { OnSignal(signal); });
    shard().Post([this] { Start(); });
    native_.Start();
    native_.Join();
    return exit_code_;
  }

 private:
  Shard& shard() { return native_.ports().shards->shard(0); }

  void Start() {
    const absl::Status status =
        node_.Start(native_.ports(), {.on_ready = [this](std::string what) { OnReady(what); },
                                      .on_fatal = [this](absl::Status why) { OnFatal(why); }});
    if (!status.ok()) {
      Fail(fmt::format("cannot start {}", options_.name), status);
      return;
    }
    if (ready_ || options_.waiting_note.empty()) return;
    shard().ScheduleAfter(kWaitingNoteAfter, [this] {
      if (!ready_ && !stopping_) {
        context_.Note(fmt::format("soliton {} is {}", options_.name, options_.waiting_note));
      }
    });
  }

  void OnReady(const std::string& what) {
    if (ready_) return;
    ready_ = true;
    const double ms = std::chrono::duration<double, std::milli>(started_.elapsed()).count();
    context_.Note(fmt::format("soliton {} ready in {:.0f} ms: {}", options_.name, ms, what));
  }

  void OnFatal(const absl::Status& why) { Fail(fmt::format("{} stopped", options_.name), why); }

  void Fail(std::string what, const absl::Status& why) {
    exit_code_ = context_.Fail({.code = ExitCode::kFailed,
                                .what = std::move(what),
                                .at = "",
                                .cause = std::string(why.message()),
                                .hint = ""});
    native_.Stop();
  }

  void OnSignal(int signal) {
    if (signal == SIGHUP) {
      context_.Note(fmt::format("soliton {}: settings are read at start only", options_.name));
      return;
    }
    if (stopping_) {
      context_.Note(fmt::format("soliton {} ends at once", options_.name));
      std::_Exit(static_cast<int>(ExitCode::kInterrupted));
    }
    stopping_ = true;
    context_.Note(fmt::format("soliton {} is stopping (again to end at once)", options_.name));
    node_.Stop([this](const absl::Status& status) {
      if (!status.ok()) return Fail(fmt::format("{} did not stop cleanly", options_.name), status);
      context_.Note(fmt::format("soliton {} stopped", options_.name));
      native_.Stop();
    });
  }

  Context& context_;
  const ServeOptions& options_;
  ServedNode& node_;
  NativePorts& native_;
  Stopwatch started_;
  ExitCode exit_code_ = ExitCode::kOk;
  bool ready_ = false;
  bool stopping_ = false;
};

}  // namespace

ExitCode Serve(Context& context, const ServeOptions& options, std::unique_ptr<ServedNode> node) {
  NativePorts native(options.native);
  Server server(context, options, *node, native);
  const ExitCode exit_code = server.Run();
  node.reset();  // needs the ports
  return exit_code;
}

}  // namespace soliton::cli

#include "runtime/loop/signals.h"

#include <boost/asio/signal_set.hpp>
#include <csignal>

#include "runtime/loop/asio_shard.h"
#include "runtime/obs/logging.h"

namespace soliton {
namespace {

// Shared with the pending wait, so that destroying the watcher never pulls it from under a
// delivery.
class Signals : public std::enable_shared_from_this<Signals> {
 public:
  Signals(AsioShard& shard, std::function<void(int)> handler)
      : shard_(shard), handler_(std::move(handler)), signals_(shard.io_context()) {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
      boost::system::error_code error;
      signals_.add(number, error);
      if (error) LogWarn("cannot watch signal {}: {}", number, error.message());
    }
  }

  void Wait() {
    signals_.async_wait(
        [self = shared_from_this()](const boost::system::error_code& error, int number) {
          if (error || self->stopped_ || self->shard_.dropping()) return;
          self->Wait();  // first, because the handler may stop us
          self->handler_(number);
        });
  }

  void Stop() {
    stopped_ = true;
    boost::system::error_code ignored;
    signals_.cancel(ignored);
    signals_.clear(ignored);
  }

 private:
  AsioShard& shard_;
  const std::function<void(int)> handler_;
  boost::asio::signal_set signals_;
  bool stopped_ = false;
};

class AsioSignalWatcher final : public SignalWatcher {
 public:
  explicit AsioSignalWatcher(std::shared_ptr<Signals> signals) : signals_(std::move(signals)) {
    signals_->Wait();
  }
  ~AsioSignalWatcher() override { signals_->Stop(); }

 private:
  const std::shared_ptr<Signals> signals_;
};

}  // namespace

void IgnoreBrokenPipe() { std::signal(SIGPIPE, SIG_IGN); }

std::unique_ptr<SignalWatcher> OnSignal(AsioShardSet& shards, std::function<void(int)> handler) {
  return std::make_unique<AsioSignalWatcher>(
      std::make_shared<Signals>(shards.shard(0), std::move(handler)));
}

}  // namespace soliton

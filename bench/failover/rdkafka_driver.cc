#include "bench/failover/rdkafka_driver.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/failover/while_alive.h"
#include "runtime/shared_library.h"

#if SOLITON_LIBRDKAFKA
#include <librdkafka/rdkafka.h>
#endif

namespace soliton::bench {

#if SOLITON_LIBRDKAFKA

namespace {

constexpr size_t kErrorBytes = 512;
constexpr char kLibrary[] = "librdkafka.so.1";

// What is used of the library, by its own names without "kafka".
struct Library {
  decltype(&::rd_kafka_conf_new) rd_conf_new = nullptr;
  decltype(&::rd_kafka_conf_set) rd_conf_set = nullptr;
  decltype(&::rd_kafka_conf_destroy) rd_conf_destroy = nullptr;
  decltype(&::rd_kafka_conf_set_opaque) rd_conf_set_opaque = nullptr;
  decltype(&::rd_kafka_conf_set_dr_msg_cb) rd_conf_set_dr_msg_cb = nullptr;
  decltype(&::rd_kafka_conf_set_log_cb) rd_conf_set_log_cb = nullptr;
  decltype(&::rd_kafka_new) rd_new = nullptr;
  decltype(&::rd_kafka_destroy) rd_destroy = nullptr;
  decltype(&::rd_kafka_purge) rd_purge = nullptr;
  decltype(&::rd_kafka_poll) rd_poll = nullptr;
  decltype(&::rd_kafka_topic_new) rd_topic_new = nullptr;
  decltype(&::rd_kafka_topic_destroy) rd_topic_destroy = nullptr;
  decltype(&::rd_kafka_produce) rd_produce = nullptr;
  decltype(&::rd_kafka_last_error) rd_last_error = nullptr;
  decltype(&::rd_kafka_err2str) rd_err2str = nullptr;
  decltype(&::rd_kafka_fatal_error) rd_fatal_error = nullptr;
  decltype(&::rd_kafka_version_str) rd_version_str = nullptr;
};

absl::StatusOr<Library> LoadLibrary() {
  const absl::StatusOr<SharedLibrary> file = SharedLibrary::Load(kLibrary);
  if (!file.ok()) {
    return absl::NotFoundError(
        fmt::format("{}: install the package librdkafka1", std::string(file.status().message())));
  }
  Library library;
  const char* missing = nullptr;
  const auto take = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(file->Find(name));
    if (function == nullptr) missing = name;
  };
  take(library.rd_conf_new, "rd_kafka_conf_new");
  take(library.rd_conf_set, "rd_kafka_conf_set");
  take(library.rd_conf_destroy, "rd_kafka_conf_destroy");
  take(library.rd_conf_set_opaque, "rd_kafka_conf_set_opaque");
  take(library.rd_conf_set_dr_msg_cb, "rd_kafka_conf_set_dr_msg_cb");
  take(library.rd_conf_set_log_cb, "rd_kafka_conf_set_log_cb");
  take(library.rd_new, "rd_kafka_new");
  take(library.rd_destroy, "rd_kafka_destroy");
  take(library.rd_purge, "rd_kafka_purge");
  take(library.rd_poll, "rd_kafka_poll");
  take(library.rd_topic_new, "rd_kafka_topic_new");
  take(library.rd_topic_destroy, "rd_kafka_topic_destroy");
  take(library.rd_produce, "rd_kafka_produce");
  take(library.rd_last_error, "rd_kafka_last_error");
  take(library.rd_err2str, "rd_kafka_err2str");
  take(library.rd_fatal_error, "rd_kafka_fatal_error");
  take(library.rd_version_str, "rd_kafka_version_str");
  if (missing != nullptr) {
    return absl::NotFoundError(fmt::format("{} has no {}", kLibrary, missing));
  }
  return library;
}

class RdkafkaDriver final : public LoadDriver {
 public:
  RdkafkaDriver(const Library& library, Shard& shard, ResultCallback on_result)
      : library_(library), shard_(shard), on_result_(std::move(on_result)) {}

  ~RdkafkaDriver() override {
    if (handle_ == nullptr) return;
    library_.rd_purge(handle_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (topic_ != nullptr) library_.rd_topic_destroy(topic_);
    library_.rd_destroy(handle_);
  }

  absl::Status Open(const DriverOptions& options) {
    std::string servers;
    for (const Endpoint& endpoint : options.bootstrap) {
      servers += (servers.empty() ? "" : ",") + endpoint.ToString();
    }
    std::vector<std::pair<std::string, std::string>> settings = {
        {"bootstrap.servers", servers},
        {"acks", "all"},
        {"enable.idempotence", options.idempotence ? "true" : "false"}};
    settings.insert(settings.end(), options.settings.begin(), options.settings.end());
    rd_kafka_conf_t* conf = library_.rd_conf_new();
    char error[kErrorBytes];
    for (const auto& [name, value] : settings) {
      if (library_.rd_conf_set(conf, name.c_str(), value.c_str(), error, sizeof(error)) ==
          RD_KAFKA_CONF_OK) {
        continue;
      }
      library_.rd_conf_destroy(conf);
      return absl::InvalidArgumentError(
          fmt::format("librdkafka refuses {}={}: {}", name, value, error));
    }
    library_.rd_conf_set_opaque(conf, this);
    library_.rd_conf_set_dr_msg_cb(conf, &RdkafkaDriver::OnReport);
    // Its lines about lost connections are expected here; who sets debug wants to read them.
    const bool debug = std::any_of(options.settings.begin(), options.settings.end(),
                                   [](const auto& setting) { return setting.first == "debug"; });
    if (!debug) {
      library_.rd_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
    }
    handle_ = library_.rd_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    if (handle_ == nullptr) {
      library_.rd_conf_destroy(conf);
      return absl::InvalidArgumentError(fmt::format("librdkafka: {}", error));
    }
    topic_ = library_.rd_topic_new(handle_, options.topic.c_str(), nullptr);
    if (topic_ == nullptr) {
      return absl::InvalidArgumentError(
          fmt::format("librdkafka: {}", library_.rd_err2str(library_.rd_last_error())));
    }
    return absl::OkStatus();
  }

  absl::Status Send(int32_t partition, int64_t sequence, std::string value) override {
    // The record's own number travels with it as a pointer that nobody follows.
    if (library_.rd_produce(topic_, partition, RD_KAFKA_MSG_F_COPY, value.data(), value.size(),
                            nullptr, 0, reinterpret_cast<void*>(sequence)) == 0) {
      ++outstanding_;
      return absl::OkStatus();
    }
    const rd_kafka_resp_err_t error = library_.rd_last_error();
    const std::string why = Why(error);
    // It learns of the topic in its own time; until then the partition may be unknown to it.
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL || error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
      return absl::ResourceExhaustedError(why);
    }
    return absl::FailedPreconditionError(why);
  }

  void Poll() override {
    library_.rd_poll(handle_, 0);
    if (outstanding_ > 0 || !flushed_) return;
    shard_.Post(lifetime_.Wrap([done = std::exchange(flushed_, nullptr)]() mutable { done(); }));
  }

  void Flush(absl::AnyInvocable<void()> done) override { flushed_ = std::move(done); }

 private:
  static void OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto* self = static_cast<RdkafkaDriver*>(opaque);
    --self->outstanding_;
    const auto sequence = reinterpret_cast<int64_t>(message->_private);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      return self->on_result_(message->partition, sequence, message->offset);
    }
    if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
      return;  // this driver is being destroyed
    }
    self->on_result_(message->partition, sequence, absl::UnavailableError(self->Why(message->err)));
  }

  // What ended an idempotent producer for good stands behind the error of each record.
  std::string Why(rd_kafka_resp_err_t error) const {
    char reason[kErrorBytes] = "";
    const rd_kafka_resp_err_t fatal = library_.rd_fatal_error(handle_, reason, sizeof(reason));
    if (fatal == RD_KAFKA_RESP_ERR_NO_ERROR) {
      return fmt::format("librdkafka: {}", library_.rd_err2str(error));
    }
    return fmt::format("librdkafka: {} ({}: {})", library_.rd_err2str(error),
                       library_.rd_err2str(fatal), reason);
  }

  const Library library_;
  Shard& shard_;
  const ResultCallback on_result_;
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
  int64_t outstanding_ = 0;
  absl::AnyInvocable<void()> flushed_;
  Lifetime lifetime_;
};

}  // namespace

std::string LibrdkafkaVersion() {
  const absl::StatusOr<Library> library = LoadLibrary();
  return library.ok() ? library->rd_version_str() : "(missing)";
}

absl::StatusOr<std::unique_ptr<LoadDriver>> MakeRdkafkaDriver(
    Shard& shard, const DriverOptions& options, LoadDriver::ResultCallback on_result) {
  const absl::StatusOr<Library> library = LoadLibrary();
  if (!library.ok()) return library.status();
  auto driver = std::make_unique<RdkafkaDriver>(*library, shard, std::move(on_result));
  absl::Status opened = driver->Open(options);
  if (!opened.ok()) return opened;
  return driver;
}

#else

std::string LibrdkafkaVersion() { return ""; }

absl::StatusOr<std::unique_ptr<LoadDriver>> MakeRdkafkaDriver(Shard&, const DriverOptions&,
                                                              LoadDriver::ResultCallback) {
  return absl::UnimplementedError(
      "this program was built without librdkafka: install librdkafka-dev and build again");
}

#endif

}  // namespace soliton::bench

// -X name=value of the client commands: Kafka's names, checked against the table of settings,
// turned into options of the producer and consumer libraries.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "config/config.h"
#include "consumer/consumer.h"
#include "producer/producer.h"

namespace soliton::cli {

// Declares -X.
void AddSettingsOption(OptionSet& options, std::vector<std::string>* target);

// Reads what was given against the rows of `scopes` (config::kProducerScope ...). kInvalidArgument
// with all that is wrong.
absl::StatusOr<config::Config> ReadClientSettings(const std::vector<std::string>& given,
                                                  uint8_t scopes);

// What was given replaces what `options` holds; the command's own defaults stay otherwise.
void ApplySettings(const config::Config& config, producer::ProducerOptions& options);
void ApplySettings(const config::Config& config, consumer::ConsumerOptions& options);

}  // namespace soliton::cli

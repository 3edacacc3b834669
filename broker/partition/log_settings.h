// Topic settings as the log understands them.
#pragma once

#include "config/topic_config.h"
#include "segment/log_options.h"

namespace soliton::broker {

segment::LogOptions ToLogOptions(const config::TopicSettings& settings);

}  // namespace soliton::broker
